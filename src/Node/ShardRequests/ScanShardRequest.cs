using Google.Protobuf;
using Grpc.Core;
using KvRaft.Node.Cluster;
using KvRaft.Node.Ranges;
using KvRaft.Node.Requests;
using KvRaft.Node.Shards;
using KvRaft.V1;

namespace KvRaft.Node.ShardRequests;

/// <summary>One page of a scan on its way to one shard.</summary>
internal readonly struct ScanShardRequest(
    ScanRequest request, ScanPlan plan, ResumeToken place, long itemsLeft, long bytesLeft, AnswerHeaders headers, TimeProvider time)
    : IShardRequest<ScanChunk>
{
    public bool IsWrite => false;

    /// <summary>The page of this node's replica, if the requested consistency allows it to answer; otherwise null.</summary>
    public async ValueTask<ScanChunk?> TryReadHereAsync(ShardReplica? replica, Deadline deadline)
    {
        var permit = await ReadGate.TryNearAsync(replica, request.Options, deadline, time);
        if (permit is not { } promise)
        {
            return null;
        }

        var header = headers.OfRead(replica!, promise.Delivered);
        var asOf = replica!.AsOf;
        var chunk = ToChunk(replica, header, replica.Store.Scan(plan.Page(place, itemsLeft, bytesLeft)));
        header.StalenessMs = AnswerAge.Of(promise.Delivered, replica.AgeOf(asOf));
        header.ShardVersion = AnswerHeaders.VersionSeen(replica);
        return promise.AgeMax is { } ageMax && !(chunk.Header.StalenessMs <= ageMax.TotalMilliseconds) ? null : chunk;
    }

    public async ValueTask<Answered<ScanChunk>> RunAsync(ShardReplica replica, Deadline deadline, CancellationToken cancellationToken)
    {
        if (await replica.BarrierAsync(cancellationToken) is { } failure)
        {
            return failure;
        }

        if (ReadGate.CheckLeader(replica, request.Options) is { } stale)
        {
            return stale;
        }

        var header = headers.OfRead(replica, Consistency.Linearizable);
        var page = replica.Store.Scan(plan.Page(place, itemsLeft, bytesLeft));
        if (page.Items.Any(item => IsOver(replica, item)))
        {
            // As in a read of one key: a key that has expired by the clock of this leader is made to expire on every replica.
            if (await replica.PassTimeAsync(cancellationToken) is { } overdue)
            {
                return overdue;
            }

            page = replica.Store.Scan(plan.Page(place, itemsLeft, bytesLeft));
        }

        header.ShardVersion = AnswerHeaders.VersionSeen(replica);
        return ToChunk(replica, header, page);
    }

    /// <summary>Requests the shard alone, takes the first chunk and cancels the call; its token continues the scan.</summary>
    public async ValueTask<Answered<ScanChunk>> ForwardAsync(Peer peer, Deadline deadline, CancellationToken cancellationToken)
    {
        var left = deadline.MillisecondsToForward(time);
        if (left <= 0)
        {
            return Failure.Deadline(Execution.NotExecuted);
        }

        var sent = request.Clone();
        (sent.Header ??= new RequestHeader()).NoForward = true;
        sent.Shard = place.Shard.Value;
        sent.Ordered = false;
        sent.Limit = Math.Min(itemsLeft, plan.PageItemsMax);
        sent.BytesMax = 0;
        sent.ChunkBytesMax = (int)Math.Min(bytesLeft, plan.ChunkBytesMax);
        sent.ItemBytesMax = plan.ItemBytesMax == int.MaxValue ? 0 : plan.ItemBytesMax;
        sent.ResumeToken = place.Key is null ? ByteString.Empty : plan.InShard(place).Write();
        try
        {
            var begun = time.GetTimestamp();
            using var call = peer.Kv.Scan(sent, deadline: time.GetUtcNow().UtcDateTime.AddMilliseconds(left), cancellationToken: cancellationToken);
            if (!await call.ResponseStream.MoveNext(cancellationToken))
            {
                return Failure.NoLeader(place.Shard, RetryRule.Delay(0));
            }

            AnswerAge.Add(call.ResponseStream.Current.Header, time.GetElapsedTime(begun));
            return OfThisWalk(call.ResponseStream.Current);
        }
        catch (RpcException error)
        {
            return PeerCalls.ToFailure(error, isWrite: false);
        }
    }

    /// <summary>The position of the other node is one in its own scan of the shard alone; here it becomes one of this scan.</summary>
    private Answered<ScanChunk> OfThisWalk(ScanChunk chunk)
    {
        if (chunk.ResumeToken.IsEmpty)
        {
            return chunk;
        }

        var (next, failure) = ResumeToken.Resume(chunk.ResumeToken, plan.InShard(place), plan.Range, place.Shard, place.Shard);
        if (next is not { } found)
        {
            return failure!;
        }

        chunk.ResumeToken = (place with { Key = found.Key }).Write();
        return chunk;
    }

    private static bool IsOver(ShardReplica replica, Storage.Shards.ScanItem item) => !item.Value.IsVisibleAt(replica.ClockMs);

    private ScanChunk ToChunk(ShardReplica replica, ResponseHeader header, Storage.Shards.ScanPage page)
    {
        var chunk = new ScanChunk { Header = header };
        foreach (var item in page.Items)
        {
            // The leader has advanced the shard's clock; a replica that may lag shows the keys that are live by the clock it has.
            if (header.ConsistencyDelivered == Consistency.Linearizable || !IsOver(replica, item))
            {
                chunk.Items.Add(new ScanChunk.Types.Item
                {
                    Key = UnsafeByteOperations.UnsafeWrap(item.Key),
                    State = AnswerFields.ToState(item.Value, header, keepValue: !plan.KeysOnly),
                    ValueLeftOut = !item.IsWhole,
                });
            }
        }

        // Between nodes a chunk is about one shard: done means that the shard is.
        chunk.Done = page.ResumeKey is null;
        if (page.ResumeKey is { } next)
        {
            chunk.ResumeToken = (place with { Key = next }).Write();
        }

        return chunk;
    }
}
