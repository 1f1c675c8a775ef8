using System.Globalization;
using KvRaft.Raft.Log;
using KvRaft.Raft.Membership;
using KvRaft.Topology;

namespace KvRaft.Raft.Groups;

/// <summary>A replica of a group on this node: its group and its incarnation.</summary>
public readonly record struct GroupReplica(GroupId Group, int Incarnation);

/// <summary>The directory of a replica's member list and checkpoints: <c>groups/g{group}-r{incarnation}</c> in the data directory.</summary>
internal static class GroupDirectory
{
    /// <summary>Files of DotNext's own log, which holds nothing.</summary>
    public const string ShellName = "shell";

    public static string Of(string dataDirectory, ReplicaKey key) =>
        Path.Combine(dataDirectory, "groups", string.Create(CultureInfo.InvariantCulture, $"g{key.Group.Value}-r{key.Incarnation}"));

    /// <summary>
    /// Moves what cannot be opened out of the way: a file in the place of a directory, or the reverse, as a damaged disk leaves it. What should be there counts as lost and is copied from other replicas;
    /// if it stayed, each start would meet it again.
    /// </summary>
    /// <param name="directory">The directory of a replica.</param>
    /// <exception cref="IOException">It cannot be moved.</exception>
    public static void SetMisplacedAside(string directory)
    {
        string[] directories = [Path.GetDirectoryName(directory)!, directory, Path.Combine(directory, ShellName)];
        string[] files = [Path.Combine(directory, MemberStorage.FileName), MemberChecksums.PathOf(Path.Combine(directory, MemberStorage.FileName))];
        foreach (var path in directories.Where(File.Exists).Concat(files.Where(Directory.Exists)))
        {
            var aside = path + ".damaged";
            Storage.DurableFile.Delete(aside);
            Storage.DurableFile.MoveDirectory(path, aside);
        }
    }

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
