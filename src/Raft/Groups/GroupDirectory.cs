using System.Globalization;
using KvRaft.Raft.Log;
using KvRaft.Topology;

namespace KvRaft.Raft.Groups;

/// <summary>A replica of a group on this node: its group and its incarnation.</summary>
public readonly record struct GroupReplica(GroupId Group, int Incarnation);

/// <summary>The directory of a replica's member list and checkpoints: <c>groups/g{group}-r{incarnation}</c> in the data directory.</summary>
internal static class GroupDirectory
{
    public static string Of(string dataDirectory, ReplicaKey key) =>
        Path.Combine(dataDirectory, "groups", string.Create(CultureInfo.InvariantCulture, $"g{key.Group.Value}-r{key.Incarnation}"));

    public static bool TryParse(string name, out ReplicaKey key)
    {
        key = default;
        if (name.Split("-r") is not [['g', .. var group], var incarnation]
            || !int.TryParse(group, NumberStyles.None, CultureInfo.InvariantCulture, out var groupNumber)
            || !int.TryParse(incarnation, NumberStyles.None, CultureInfo.InvariantCulture, out var incarnationNumber))
        {
            return false;
        }

        key = new ReplicaKey(new GroupId(groupNumber), incarnationNumber);
        return true;
    }
}
