using KvRaft.Topology;

namespace KvRaft.Raft.Log;

/// <summary>
/// The owner of a log: one replica of one group on this node. The incarnation distinguishes a replica from an earlier one of the same group here,
/// which was dropped or wiped. Votes and entries of the earlier one must not count for the new one.
/// </summary>
internal readonly record struct ReplicaKey(GroupId Group, int Incarnation) : IComparable<ReplicaKey>
{
    public int CompareTo(ReplicaKey other)
    {
        var byGroup = Group.CompareTo(other.Group);
        return byGroup != 0 ? byGroup : Incarnation.CompareTo(other.Incarnation);
    }

    public override string ToString() => $"g{Group.Value}/r{Incarnation}";
}
