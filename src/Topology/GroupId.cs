using System.Globalization;

namespace KvRaft.Topology;

/// <summary>The number of a Raft group. Group 0 is the group of the placement driver; shard <c>s</c> is served by group <c>s + 1</c>.</summary>
public readonly record struct GroupId(int Value) : IComparable<GroupId>
{
    /// <summary>The group that stores nodes, shard map and keyspaces.</summary>
    public static readonly GroupId Placement = new(0);

    public static GroupId OfShard(ShardId shard) => new(shard.Value + 1);

    public bool IsPlacement => Value == 0;

    /// <summary>The shard that this group serves; undefined for <see cref="Placement"/>.</summary>
    public ShardId Shard => new(Value - 1);

    public int CompareTo(GroupId other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}
