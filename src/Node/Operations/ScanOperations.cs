using KvRaft.Node.Membership;
using KvRaft.Node.Options;
using KvRaft.Node.Routing;
using KvRaft.Node.Shards;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Operations;

/// <summary>
/// Walks a keyspace shard by shard, page by page. Nothing is read ahead: the next page is asked for when the one before was
/// taken by the transport, so a slow reader costs no memory here.
/// </summary>
internal sealed class ScanOperations(RequestRouter router, KeyspaceLookup keyspaces, ShardTable shards, AnswerHeaders headers, NodeOptions options)
{
    /// <summary>Streams the chunks. The deadline is that of each page, not of the walk.</summary>
    /// <exception cref="FailureException">The request is wrong, or a page could not be had.</exception>
    public async Task RunAsync(ScanRequest request, Func<ScanChunk, Task> send, Func<Deadline> deadlineOfPage)
    {
        var found = await keyspaces.FindAsync(request.Header?.Keyspace ?? "", deadlineOfPage());
        var planned = ScanPlan.Of(request, found, options.Limits);
        var plan = planned.Answer ?? throw new FailureException(planned.Failure!);
        var shardCount = found.View.Map!.ShardCount;
        var (shard, resumeKey, itemsLeft) = (plan.FirstShard, plan.ResumeKey, plan.ItemsMax);
        while (true)
        {
            var chunk = await PageAsync(new ScanShardRequest(
                request, plan, shard, shardCount, resumeKey, itemsLeft, headers, router.Time), request, shard, deadlineOfPage());
            itemsLeft -= chunk.Items.Count;
            var next = NextOf(chunk, shard, plan, shardCount);
            chunk.Done = next is null;
            chunk.ResumeToken = next?.Write() ?? Google.Protobuf.ByteString.Empty;

            // A page may be empty when all it met had expired; nobody needs to hear of that unless it is the last.
            if (chunk.Items.Count > 0 || chunk.Done || itemsLeft == 0)
            {
                await send(chunk);
            }

            if (next is not { } where || itemsLeft == 0)
            {
                return;
            }

            (shard, resumeKey) = (where.Shard, where.Key);
        }
    }

    private async Task<ScanChunk> PageAsync(ScanShardRequest page, ScanRequest request, ShardId shard, Deadline deadline)
    {
        if (await page.TryReadHereAsync(shards.Find(shard), deadline) is { } near)
        {
            return near;
        }

        var answered = await router.RouteAsync<ScanChunk, ScanShardRequest>(
            page, shard, request.Header is { NoForward: true }, deadline);
        return answered.Answer ?? throw new FailureException(answered.Failure!);
    }

    /// <summary>Where the walk goes on after a chunk: in the same shard, at the beginning of the next, or (null) nowhere.</summary>
    private static ResumeToken? NextOf(ScanChunk chunk, ShardId shard, ScanPlan plan, int shardCount)
    {
        if (ResumeToken.TryRead(chunk.ResumeToken, out var token))
        {
            return token;
        }

        var following = new ShardId(shard.Value + 1);
        return following.CompareTo(plan.LastShard) > 0 ? null : new ResumeToken(plan.Keyspace.Id, shardCount, following, plan.From);
    }
}
