using KvRaft.Node.Answers;
using KvRaft.Node.Options;
using KvRaft.Node.Ranges;
using KvRaft.Node.Requests;
using KvRaft.Node.Routing;
using KvRaft.Node.ShardRequests;
using KvRaft.Node.Shards;
using KvRaft.V1;

namespace KvRaft.Node.KeyValue;

/// <summary>
/// Scans a keyspace page by page: shard after shard, or in the order of keys over all shards (<see cref="MergedScan"/>). Nothing of a shard
/// is read ahead: its next page is requested when the transport took the one before, so a slow reader costs no memory.
/// </summary>
internal sealed class ScanOperations(
    RequestRouter router, KeyspaceLookup keyspaces, ShardTable shards, AnswerHeaders headers, NodeOptions options)
{
    /// <summary>Streams the chunks. The deadline applies to each page, not to the scan.</summary>
    /// <exception cref="FailureException">The request is wrong, or a page could not be read.</exception>
    public async Task RunAsync(ScanRequest request, AnswerWindow window, Func<ScanChunk, Task> send, Func<Deadline> deadlineOfPage)
    {
        if (SessionCheck.Check(request.Options, options.ClusterId) is { } session)
        {
            throw new FailureException(session);
        }

        var found = await keyspaces.FindAsync(request.Header, Topology.KeyspaceMode.Strong, deadlineOfPage());
        if ((ScanPlan.Check(request, options.Limits) ?? found.Failure) is { } failure)
        {
            throw new FailureException(failure);
        }

        var planned = ScanPlan.Of(request, found.Keyspace!, found.View.Map!, options.Limits);
        var plan = planned.Answer ?? throw new FailureException(planned.Failure!);
        if (plan.Ordered)
        {
            // The other half is for the chunk that is being filled, the value that is fetched, and a second scan on the connection.
            var pages = plan.ForMerge(window.BytesMax / 2);
            var pagePlan = pages.Answer ?? throw new FailureException(pages.Failure!);
            var itemPlan = pagePlan.ForItem();
            var merge = new MergedScan(
                plan,
                (place, itemsLeft) => PageAsync(request, pagePlan, window, place, itemsLeft, long.MaxValue, deadlineOfPage()),
                place => PageAsync(request, itemPlan, window, place, 1, long.MaxValue, deadlineOfPage()),
                window.Give,
                router.Time);
            await merge.RunAsync(chunk => SendAsync(chunk, window, send));
        }
        else
        {
            await WalkAsync(request, plan, window, send, deadlineOfPage);
        }
    }

    private async Task WalkAsync(ScanRequest request, ScanPlan plan, AnswerWindow window, Func<ScanChunk, Task> send, Func<Deadline> deadlineOfPage)
    {
        var (place, itemsLeft, bytesLeft) = (plan.Start, plan.ItemsMax, plan.BytesMax);
        while (true)
        {
            var chunk = await PageAsync(request, plan, window, place, itemsLeft, bytesLeft, deadlineOfPage());
            itemsLeft -= chunk.Items.Count;
            bytesLeft -= HeldBytes(chunk);
            var next = NextOf(chunk, plan, place);
            chunk.Done = next is null;
            chunk.ResumeToken = next?.Write() ?? Google.Protobuf.ByteString.Empty;
            var isEnd = next is null || itemsLeft <= 0 || bytesLeft <= 0;

            // A page may be empty if all its keys had expired; it is sent only if it is the last.
            if (chunk.Items.Count > 0 || isEnd)
            {
                await SendAsync(chunk, window, send);
            }

            if (isEnd)
            {
                return;
            }

            place = next!.Value;
        }
    }

    /// <summary>One page; the part of the window that it holds is released when it was sent.</summary>
    private async Task<ScanChunk> PageAsync(
        ScanRequest request, ScanPlan plan, AnswerWindow window, ResumeToken place, long itemsLeft, long bytesLeft, Deadline deadline)
    {
        var room = plan.RoomOfPage(bytesLeft);
        if (await window.TakeAsync(room, router.TokenOf(deadline)) is { } full)
        {
            throw new FailureException(full);
        }

        using var reserved = new AnswerReservation(window, room);
        var chunk = await ReadPageAsync(request, plan, place, itemsLeft, bytesLeft, deadline);
        reserved.Keep(HeldBytes(chunk));
        return chunk;
    }

    private async Task<ScanChunk> ReadPageAsync(ScanRequest request, ScanPlan plan, ResumeToken place, long itemsLeft, long bytesLeft, Deadline deadline)
    {
        var page = new ScanShardRequest(request, plan, place, itemsLeft, bytesLeft, headers, router.Time);
        if (await page.TryReadHereAsync(shards.Find(place.Shard), deadline) is { } near)
        {
            return near;
        }

        var answered = await router.RouteAsync<ScanChunk, ScanShardRequest>(
            page, place.Shard, request.Header is { NoForward: true }, deadline);
        return answered.Answer ?? throw new FailureException(answered.Failure!);
    }

    private static async Task SendAsync(ScanChunk chunk, AnswerWindow window, Func<ScanChunk, Task> send)
    {
        await send(chunk);
        window.Give(HeldBytes(chunk));
    }

    private static long HeldBytes(ScanChunk chunk) => chunk.Items.Sum(MergedScan.HeldBytes);

    /// <summary>Where the scan continues after a chunk: in the same shard, at the beginning of the next, or (null) nowhere.</summary>
    private static ResumeToken? NextOf(ScanChunk chunk, ScanPlan plan, ResumeToken place)
    {
        if (!chunk.ResumeToken.IsEmpty)
        {
            return ResumeToken.Read(chunk.ResumeToken).Token;
        }

        return plan.After(place.Shard) is { } following ? place with { Shard = following, Key = null } : null;
    }
}
