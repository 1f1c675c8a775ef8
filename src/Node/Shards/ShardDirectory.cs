using System.Globalization;
using KvRaft.Storage;
using KvRaft.Storage.Shards;
using KvRaft.Topology;

namespace KvRaft.Node.Shards;

/// <summary>
/// The directory of a replica's data: <c>shards/s{shard}-r{incarnation}</c> in the data directory. A replica that returns as another incarnation
/// never opens the data of the old one.
/// </summary>
internal static class ShardDirectory
{
    /// <summary>Suffix of data that differed from the data of the other replicas when it was to be deleted; kept for operators.</summary>
    private const string DiffersSuffix = ".differs";

    /// <summary>Suffix of data that could not be read; kept until the replica has a complete state again.</summary>
    private const string DamagedSuffix = ".damaged";

    /// <summary>Replicas are opened at the same time, and one of them moves a file in the place of the common directory aside.</summary>
    private static readonly Lock SettingAside = new();

    public static string Of(string dataDirectory, ShardId shard, int incarnation) =>
        Path.Combine(dataDirectory, "shards", string.Create(CultureInfo.InvariantCulture, $"s{shard.Value}-r{incarnation}"));

    /// <summary>The replicas whose data is here, open or not.</summary>
    public static IEnumerable<RunningReplica> Found(string dataDirectory)
    {
        var directory = new DirectoryInfo(Path.Combine(dataDirectory, "shards"));
        if (!directory.Exists)
        {
            yield break;
        }

        foreach (var each in directory.EnumerateFileSystemInfos())
        {
            // Data that was set aside belongs to the replica, and is deleted with it.
            var name = each.Name.EndsWith(DamagedSuffix, StringComparison.Ordinal) ? each.Name[..^DamagedSuffix.Length] : each.Name;
            if (name.Split("-r") is [['s', .. var shard], var incarnation]
                && int.TryParse(shard, NumberStyles.None, CultureInfo.InvariantCulture, out var shardNumber)
                && int.TryParse(incarnation, NumberStyles.None, CultureInfo.InvariantCulture, out var incarnationNumber))
            {
                yield return new RunningReplica(new ShardId(shardNumber), incarnationNumber);
            }
        }
    }

    /// <summary>Moves the data aside without deleting it; returns its new path.</summary>
    public static string SetAside(string directory)
    {
        var aside = directory + DiffersSuffix;
        Directory.Move(directory, aside);
        return aside;
    }

    /// <summary>
    /// Moves damaged data aside, so that the replica is opened without any. One such copy is kept: if there is one already, the later data was an
    /// incomplete copy of other replicas' data, and is deleted.
    /// </summary>
    /// <returns>The path of the damaged data; null if there was none to keep.</returns>
    /// <exception cref="IOException">The file system refused it.</exception>
    public static string? SetDamagedAside(string directory)
    {
        var aside = directory + DamagedSuffix;
        lock (SettingAside)
        {
            if (File.Exists(Path.GetDirectoryName(directory)))
            {
                return SetFileAside(Path.GetDirectoryName(directory)!);
            }
        }

        if (!Path.Exists(directory))
        {
            return null;
        }

        if (Path.Exists(aside))
        {
            ShardStateMachine.Drop(directory);
            return aside;
        }

        DurableFile.MoveDirectory(directory, aside);
        return aside;
    }

    /// <summary>A file in the place of the directory of all replicas: only an operator deletes it, except for a later one.</summary>
    private static string SetFileAside(string shards)
    {
        var aside = shards + DamagedSuffix;
        DurableFile.Delete(aside);
        DurableFile.MoveDirectory(shards, aside);
        return aside;
    }

    /// <summary>Deletes the data that <see cref="SetDamagedAside"/> kept. True if there was any.</summary>
    public static bool DropDamaged(string directory)
    {
        var aside = directory + DamagedSuffix;
        if (!Path.Exists(aside))
        {
            return false;
        }

        DurableFile.Delete(aside);
        return true;
    }
}
