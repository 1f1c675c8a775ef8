using Grpc.Core;
using KvRaft.Node.Routing;
using KvRaft.Node.Services;
using KvRaft.Node.Shards;
using KvRaft.Topology;
using KvRaft.V1;
using ReadConsistency = KvRaft.V1.ReadOptions.ConsistencyOneofCase;

namespace KvRaft.Node.Operations;

/// <summary>One page of a scan on its way to one shard.</summary>
internal readonly struct ScanShardRequest(
    ScanRequest request, ScanPlan plan, ShardId shard, int shardCount, ReadOnlyMemory<byte>? resumeKey, long itemsLeft,
    AnswerHeaders headers, TimeProvider time) : IShardRequest<ScanChunk>
{
    public bool IsWrite => false;

    /// <summary>The page of a replica that need not lead, if the caller asked for no more; otherwise null.</summary>
    public ScanChunk? TryReadHere(ShardReplica? replica) =>
        replica is not null && request.Options is { ConsistencyCase: ReadConsistency.Any } ? Look(replica, Consistency.Any) : null;

    public async ValueTask<Answered<ScanChunk>> RunAsync(ShardReplica replica, CancellationToken cancellationToken) =>
        await replica.BarrierAsync(cancellationToken) is { } failure ? failure : Look(replica, Consistency.Linearizable);

    /// <summary>Asks for the shard alone, takes the first chunk and hangs up; the token in it leads on.</summary>
    public async ValueTask<Answered<ScanChunk>> ForwardAsync(Peer peer, Deadline deadline, CancellationToken cancellationToken)
    {
        var left = deadline.MillisecondsToForward(time);
        if (left <= 0)
        {
            return Failure.Deadline(Execution.NotExecuted);
        }

        var sent = request.Clone();
        (sent.Header ??= new RequestHeader()).NoForward = true;
        sent.Shard = shard.Value;
        sent.Limit = itemsLeft == long.MaxValue ? 0 : itemsLeft;
        sent.ResumeToken = resumeKey is { } key ? new ResumeToken(plan.Keyspace.Id, shardCount, shard, key).Write() : Google.Protobuf.ByteString.Empty;
        try
        {
            using var call = peer.Kv.Scan(sent, deadline: time.GetUtcNow().UtcDateTime.AddMilliseconds(left), cancellationToken: cancellationToken);
            return await call.ResponseStream.MoveNext(cancellationToken)
                ? call.ResponseStream.Current
                : Failure.NoLeader(shard, RouteRule.Delay(0));
        }
        catch (RpcException error)
        {
            return PeerCalls.ToFailure(error, isWrite: false);
        }
    }

    private ScanChunk Look(ShardReplica replica, Consistency delivered)
    {
        var header = headers.OfRead(replica, delivered);
        var page = replica.Store.Scan(plan.Page(resumeKey, itemsLeft));
        var chunk = new ScanChunk { Header = header };
        foreach (var item in page.Items)
        {
            chunk.Items.Add(new ScanChunk.Types.Item
            {
                Key = Google.Protobuf.UnsafeByteOperations.UnsafeWrap(item.Key),
                State = SingleKeyAnswers.ToState(item.Value, keepValue: !plan.KeysOnly),
            });
        }

        // Inside the node a chunk is about one shard: done means that the shard is.
        chunk.Done = page.ResumeKey is null;
        if (page.ResumeKey is { } next)
        {
            chunk.ResumeToken = new ResumeToken(plan.Keyspace.Id, shardCount, shard, next).Write();
        }

        return chunk;
    }
}
