using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Requests;

/// <summary>
/// The version that a read with AT_LEAST requires. Every shard counts its own versions, so a number without a shard has a meaning only for a read of one shard; a
/// session has, for each shard, the version that its caller has seen. Pure.
/// </summary>
internal static class SessionCheck
{
    private const int Format = 1;

    /// <summary>The mistake in a session; null if there is none, or no session.</summary>
    public static Failure? Check(ReadOptions? options, Guid clusterId)
    {
        if (options is not { ConsistencyCase: ReadOptions.ConsistencyOneofCase.AtLeast, AtLeast: { Session: { } session } atLeast })
        {
            return null;
        }

        if (atLeast.Version != 0)
        {
            return Failure.Invalid("options.at_least.version", "not together with a session");
        }

        if (session.Format != Format)
        {
            return Failure.Invalid("options.at_least.session.format", $"{session.Format} is not supported, only {Format}; read again without the session");
        }

        if (session.ClusterId.Length > 0 && !(Guid.TryParse(session.ClusterId, out var cluster) && cluster == clusterId))
        {
            return Failure.Invalid("options.at_least.session.cluster_id", "the session is of another cluster; read again without it");
        }

        for (var i = 0; i < session.Shards.Count; i++)
        {
            var seen = session.Shards[i];
            if (seen.Shard is < 0 or >= ShardMap.ShardCountMax || seen.Version < 1 || (i > 0 && session.Shards[i - 1].Shard >= seen.Shard))
            {
                return Failure.Invalid($"options.at_least.session.shards[{i}]", "shards in their order, each once, with versions above 0");
            }
        }

        return null;
    }

    /// <summary>A read of several shards may not name one number.</summary>
    public static Failure? OneNumber(ReadOptions? options, bool isOneShard) =>
        !isOneShard && options is { ConsistencyCase: ReadOptions.ConsistencyOneofCase.AtLeast, AtLeast.Session: null }
            ? Failure.Invalid("options.at_least.version", "a version is of one shard, and this read may include several; give the version of each in session")
            : null;

    /// <summary>The version of a shard that a read with AT_LEAST must see; 0: any.</summary>
    public static long VersionOf(ReadOptions.Types.AtLeast atLeast, ShardId shard)
    {
        if (atLeast.Session is not { } session)
        {
            return atLeast.Version;
        }

        var (low, high) = (0, session.Shards.Count - 1);
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            var seen = session.Shards[middle];
            if (seen.Shard == shard.Value)
            {
                return seen.Version;
            }

            (low, high) = seen.Shard < shard.Value ? (middle + 1, high) : (low, middle - 1);
        }

        return 0;
    }

    /// <summary>Adds the versions that an answer has seen to those of earlier answers. The list stays in the order of shards.</summary>
    public static void Merge(Google.Protobuf.Collections.RepeatedField<ShardVersion> seen, ResponseHeader answer)
    {
        if (answer.ShardVersion > 0)
        {
            Add(seen, answer.Shard, answer.ShardVersion);
        }

        foreach (var other in answer.ShardVersions)
        {
            Add(seen, other.Shard, other.Version);
        }
    }

    private static void Add(Google.Protobuf.Collections.RepeatedField<ShardVersion> seen, int shard, long version)
    {
        var place = 0;
        while (place < seen.Count && seen[place].Shard < shard)
        {
            place++;
        }

        if (place < seen.Count && seen[place].Shard == shard)
        {
            seen[place].Version = Math.Max(seen[place].Version, version);
        }
        else
        {
            seen.Insert(place, new ShardVersion { Shard = shard, Version = version });
        }
    }
}
