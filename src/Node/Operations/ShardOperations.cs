using KvRaft.Node.Hosting;
using KvRaft.Node.Options;
using KvRaft.Node.Routing;
using KvRaft.Topology;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Operations;

/// <summary>What concerns one shard but is no single-key operation: transactions, and the question what became of a write.</summary>
internal sealed class ShardOperations(RequestRouter router, AnswerHeaders headers, DiskGuard disk, NodeOptions options)
{
    private readonly Limits _limits = options.Limits;

    public async Task<Answered<TxnResponse>> TxnAsync(TxnRequest request, Deadline deadline)
    {
        var view = router.View;
        if ((RequestCheck.Write(request.Header) ?? RequestCheck.Keyspace(view, request.Header?.Keyspace ?? "", out _)) is { } failure)
        {
            return failure;
        }

        var keyspace = view.Keyspace(request.Header?.Keyspace ?? "")!;
        if (TxnCommands.Check(request, keyspace, _limits) is { } mistake)
        {
            return mistake;
        }

        if (OneShard(request, view.Map!, keyspace, out var shard) is { } scattered)
        {
            return scattered;
        }

        var routed = new TxnShardRequest(request, keyspace, headers, disk, router.Time);
        return await router.RouteAsync<TxnResponse, TxnShardRequest>(
            routed, shard, request.Header is { NoForward: true }, deadline);
    }

    public async Task<Answered<GetRequestResultResponse>> RequestResultAsync(GetRequestResultRequest request, Deadline deadline)
    {
        var view = router.View;
        if ((RequestCheck.Header(request.Header)
                ?? (request.Identity is null ? Failure.Invalid("identity", "must be set") : RequestCheck.Identity(request.Identity, "identity"))
                ?? RequestCheck.Key(request.Key, "key", _limits)) is { } failure)
        {
            return failure;
        }

        if (RequestCheck.Keyspace(view, request.Header?.Keyspace ?? "", out var keyspace) is { } unknown)
        {
            return unknown;
        }

        var shard = view.Map!.ShardOf(keyspace!, request.Key.Span);
        return await router.RouteAsync<GetRequestResultResponse, RequestResultShardRequest>(
            new RequestResultShardRequest(request, headers, router.Time), shard, request.Header is { NoForward: true }, deadline);
    }

    /// <summary>A transaction is one entry of one shard's log; keys that would need two are named with their shards.</summary>
    private static Failure? OneShard(TxnRequest request, ShardMap map, KeyspaceDescriptor keyspace, out ShardId shard)
    {
        var byShard = TxnCommands.Keys(request).Distinct()
            .GroupBy(key => map.ShardOf(keyspace, key.Span))
            .OrderBy(group => group.Key)
            .ToArray();
        shard = byShard[0].Key;
        return byShard.Length == 1 ? null : Failure.CrossShard(string.Join("; ", byShard.Select(group =>
            $"shard {group.Key} has {string.Join(", ", group.Take(3).Select(key => key.ToStringUtf8()))}{(group.Count() > 3 ? ", ..." : "")}")));
    }
}
