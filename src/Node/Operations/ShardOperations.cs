using KvRaft.Node.Hosting;
using KvRaft.Node.Membership;
using KvRaft.Node.Options;
using KvRaft.Node.Routing;
using KvRaft.Topology;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Operations;

/// <summary>What concerns one shard but is no single-key operation: transactions, and the question what became of a write.</summary>
internal sealed class ShardOperations(RequestRouter router, KeyspaceLookup keyspaces, AnswerHeaders headers, DiskGuard disk, NodeOptions options)
{
    private readonly Limits _limits = options.Limits;

    public async Task<Answered<TxnResponse>> TxnAsync(TxnRequest request, Deadline deadline)
    {
        if (RequestCheck.Write(request.Header) is { } failure)
        {
            return failure;
        }

        var found = await keyspaces.FindAsync(request.Header?.Keyspace ?? "", deadline);
        if (found.Keyspace is not { } keyspace)
        {
            return found.Failure!;
        }

        if (TxnCommands.Check(request, keyspace, _limits) is { } mistake)
        {
            return mistake;
        }

        if (OneShard(request, found.View.Map!, keyspace, out var shard) is { } scattered)
        {
            return scattered;
        }

        var routed = new TxnShardRequest(request, keyspace, headers, disk, router.Time);
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

        var found = await keyspaces.FindAsync(request.Header?.Keyspace ?? "", deadline);
        if (found.Keyspace is null)
        {
            return found.Failure!;
        }

        var shard = found.View.Map!.ShardOf(found.Keyspace, request.Key.Span);
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
