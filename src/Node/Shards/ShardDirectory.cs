using System.Globalization;
using KvRaft.Storage;
using KvRaft.Storage.Shards;
using KvRaft.Topology;

namespace KvRaft.Node.Shards;

/// <summary>
/// Where a replica's data is: <c>shards/s{shard}-r{incarnation}</c> in the data directory. A replica that comes back as another incarnation
/// never opens what the old one left.
/// </summary>
internal static class ShardDirectory
{
    /// <summary>Behind the name of data that differed from the other replicas' when it was to be deleted; kept for people.</summary>
    private const string DiffersSuffix = ".differs";

    /// <summary>Behind the name of data that could not be read back; kept until the replica has a whole state again.</summary>
    private const string DamagedSuffix = ".damaged";

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

        foreach (var each in directory.EnumerateDirectories())
        {
            // What was set aside of a replica is the replica's, and goes with it.
            var name = each.Name.EndsWith(DamagedSuffix, StringComparison.Ordinal) ? each.Name[..^DamagedSuffix.Length] : each.Name;
            if (name.Split("-r") is [['s', .. var shard], var incarnation]
                && int.TryParse(shard, NumberStyles.None, CultureInfo.InvariantCulture, out var shardNumber)
                && int.TryParse(incarnation, NumberStyles.None, CultureInfo.InvariantCulture, out var incarnationNumber))
            {
                yield return new RunningReplica(new ShardId(shardNumber), incarnationNumber);
            }
        }
    }

    /// <summary>Takes the data out of the way without deleting it; answers where it is.</summary>
    public static string SetAside(string directory)
    {
        var aside = directory + DiffersSuffix;
        Directory.Move(directory, aside);
        return aside;
    }

    /// <summary>
    /// Takes damaged data out of the way, so that the replica is opened without any. One such copy is kept: where there is one already, what came after it was a
    /// copy of other replicas' data that was not finished, and is deleted.
    /// </summary>
    /// <returns>Where the damaged data is; null if there was none to keep.</returns>
    /// <exception cref="IOException">The disk does not allow it.</exception>
    public static string? SetDamagedAside(string directory)
    {
        var aside = directory + DamagedSuffix;
        if (!Directory.Exists(directory))
        {
            return null;
        }

        if (Directory.Exists(aside))
        {
            ShardStateMachine.Drop(directory);
            return aside;
        }

        DurableFile.MoveDirectory(directory, aside);
        return aside;
    }

    /// <summary>Deletes what <see cref="SetDamagedAside"/> kept. True if there was something.</summary>
    public static bool DropDamaged(string directory)
    {
        var aside = directory + DamagedSuffix;
        if (!Directory.Exists(aside))
        {
            return false;
        }

        Directory.Delete(aside, recursive: true);
        return true;
    }
}
