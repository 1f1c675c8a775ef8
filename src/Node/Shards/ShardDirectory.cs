using System.Globalization;
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
            if (each.Name.Split("-r") is [['s', .. var shard], var incarnation]
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
}
