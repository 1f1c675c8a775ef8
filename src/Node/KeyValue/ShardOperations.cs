using KvRaft.Node.Answers;
using KvRaft.Node.Cluster;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Node.Routing;
using KvRaft.Node.ShardRequests;
using KvRaft.Topology;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.KeyValue;

/// <summary>Operations of one shard that are not single-key operations: transactions, and the query for the outcome of a write.</summary>
internal sealed class ShardOperations(RequestRouter router, KeyspaceLookup keyspaces, AnswerHeaders headers, DiskGuard disk, NodeOptions options, ClusterTimeProvider clusterTime)
{
    private readonly Limits _limits = options.Limits;

    public async Task<Answered<TxnResponse>> TxnAsync(TxnRequest request, Deadline deadline, AnswerWindow window)
    {
        if (RequestCheck.Write(request.Header) is { } failure)
        {
            return failure;
        }

        var found = await keyspaces.FindAsync(request.Header, Topology.KeyspaceMode.Strong, deadline);
        if (found.Keyspace is not { } keyspace)
        {
            return found.Failure!;
        }

        if (TxnCommands.Check(request, _limits) is { } mistake)
        {
            return mistake;
        }

        var rule = TxnCommands.CheckIn(keyspace, request, clusterTime.GetUtcNow().ToUnixTimeMilliseconds());
        if (rule is not null && request.Header?.Identity is null)
        {
            return rule;
        }

        if (OneShard(found.View.Map!, keyspace, [.. TxnCommands.Places(request)], "success", out var shard) is { } scattered)
        {
            return scattered;
        }

        var routed = new TxnShardRequest(request, keyspace, rule, headers, disk, AnswerRoom.Of(request.Header, window, _limits), router.Time);
        return await router.RouteAsync<TxnResponse, TxnShardRequest>(
            routed, shard, request.Header is { NoForward: true }, deadline);
    }

    public async Task<Answered<GetRequestResultResponse>> RequestResultAsync(GetRequestResultRequest request, Deadline deadline)
    {
        if ((RequestCheck.Header(request.Header)
                ?? (request.Identity is null ? Failure.Invalid("identity", "must be set") : RequestCheck.Identity(request.Identity, "identity"))
                ?? (request.Item < 0 ? Failure.Invalid("item", "not negative") : null)
                ?? RequestCheck.Key(request.Key, "key", _limits)) is { } failure)
        {
            return failure;
        }

        var found = await keyspaces.FindAsync(request.Header, Topology.KeyspaceMode.Strong, deadline);
        if (found.Keyspace is null)
        {
            return found.Failure!;
        }

        var shard = found.View.Map!.ShardOf(found.Keyspace, request.Key.Span);
        return await router.RouteAsync<GetRequestResultResponse, RequestResultShardRequest>(
            new RequestResultShardRequest(request, headers, router.Time), shard, request.Header is { NoForward: true }, deadline);
    }

    /// <summary>
    /// Only one entry of one shard's log is atomic. For keys that would need two entries, the refusal lists them by shard: some of them in the message, and as many as fit,
    /// by the names of their fields, in the facts (<see cref="FailureFacts"/>). What is left out is counted.
    /// </summary>
    internal static Failure? OneShard(
        ShardMap map, KeyspaceDescriptor keyspace, IReadOnlyList<(string Place, Google.Protobuf.ByteString Key)> keys, string field, out ShardId shard)
    {
        var byShard = keys.GroupBy(named => map.ShardOf(keyspace, named.Key.Span)).OrderBy(group => group.Key).ToArray();
        shard = byShard[0].Key;
        if (byShard.Length == 1)
        {
            return null;
        }

        var shown = string.Join("; ", byShard.Take(ShardsShown).Select(group => $"shard {group.Key} has {Some(group.Select(named => named.Key))}"));
        var failure = Failure.CrossShard(byShard.Length > ShardsShown ? $"{shown}; {byShard.Length - ShardsShown} more shards" : shown, field);
        return failure with
        {
            Facts = [.. byShard.Select(group => KeyValuePair.Create($"shard.{group.Key}", Places([.. group.Select(named => named.Place)])))],
        };
    }

    private const int ShardsShown = 4;

    /// <summary>Bytes of the names of fields in one fact, with the number of the others below what a fact may have.</summary>
    private const int PlacesBytesMax = 220;

    /// <summary>Bytes of a key in the message.</summary>
    private const int KeyBytesShown = 80;

    private static string Places(string[] places)
    {
        var (count, bytes) = (0, 0);
        while (count < places.Length && (bytes += places[count].Length + 1) <= PlacesBytesMax)
        {
            count++;
        }

        return string.Join(',', places.Take(count)) + (count < places.Length ? $",... ({places.Length - count} more)" : "");
    }

    /// <summary>The first of several keys, shortened.</summary>
    private static string Some(IEnumerable<Google.Protobuf.ByteString> keys)
    {
        var distinct = keys.Distinct().ToList();
        var shown = distinct.Take(3).Select(static key => ClientText.Cut(key.ToStringUtf8(), KeyBytesShown));
        return string.Join(", ", shown) + (distinct.Count > 3 ? $", {distinct.Count - 3} more" : "");
    }
}
