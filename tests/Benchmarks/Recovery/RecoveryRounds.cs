using System.Diagnostics;
using HdrHistogram;
using KvRaft.Benchmarks.Clusters;
using KvRaft.Benchmarks.Load;
using KvRaft.Benchmarks.Stores;

namespace KvRaft.Benchmarks.Recovery;

/// <summary>
/// A follower of the only shard is killed and returns three times: without missed writes; with missed writes that the logs of the others still
/// contain; and with more missed writes than the logs keep, so that it fetches a checkpoint.
/// </summary>
internal sealed class RecoveryRounds(KvRaftCluster cluster, IStore store)
{
    private const int Shard = 0;

    /// <summary>16 KiB: entries whose size matters more than their number.</summary>
    private const int ValueBytes = 16 << 10;

    /// <summary>Enough to keep the disk busy while each waits for its sync.</summary>
    private const int Writers = 16;

    private const long BytesPerMegabyte = 1_000_000;

    private static readonly TimeSpan LookPeriod = TimeSpan.FromMilliseconds(20);

    /// <summary>A longer return is a fault that must be visible.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private static readonly byte[] SteadyKey = "steady"u8.ToArray();

    private int _filled;

    /// <param name="megabytes">The data of the shard before the first kill.</param>
    /// <param name="missed">Megabytes written while the node is down the second time; the log keeps up to 512 by default.</param>
    /// <param name="outrun">The same for the third time: more than the log keeps.</param>
    /// <param name="period">The time between two writes while the node fetches a checkpoint.</param>
    /// <param name="calm">The time for which those writes are measured before.</param>
    /// <param name="cancellationToken">Ends the run.</param>
    /// <exception cref="TimeoutException">The node did not return, or returned without a checkpoint where it needs one.</exception>
    public async Task<IReadOnlyList<RecoveryResult>> RunAsync(
        int megabytes, int missed, int outrun, TimeSpan period, TimeSpan calm, CancellationToken cancellationToken)
    {
        await FillAsync(megabytes, cancellationToken);
        var node = await FollowerAsync(cancellationToken);
        await WhenAppliedAsync(node, await CommittedAsync(node, cancellationToken), cancellationToken);
        return
        [
            await NothingMissedAsync(node, cancellationToken),
            await WritesMissedAsync(node, missed, cancellationToken),
            await LogOutrunAsync(node, outrun, period, calm, cancellationToken),
        ];
    }

    private async Task<RecoveryResult> NothingMissedAsync(int node, CancellationToken cancellationToken)
    {
        cluster.Kill(node);
        return new RecoveryResult("kill -9, nothing missed", 0, (await ReturnAsync(node, cancellationToken)).Took);
    }

    private async Task<RecoveryResult> WritesMissedAsync(int node, int megabytes, CancellationToken cancellationToken)
    {
        cluster.Kill(node);
        var bytes = await FillAsync(megabytes, cancellationToken);
        var (took, copied) = await ReturnAsync(node, cancellationToken);
        return copied > 0
            ? throw new TimeoutException($"The log did not hold the {megabytes} MB that were missed: a checkpoint of {copied} bytes was fetched.")
            : new RecoveryResult("writes missed, by the log", bytes, took);
    }

    private async Task<RecoveryResult> LogOutrunAsync(int node, int megabytes, TimeSpan period, TimeSpan calm, CancellationToken cancellationToken)
    {
        cluster.Kill(node);
        await FillAsync(megabytes, cancellationToken);
        var (before, meanwhile) = (Latency.NewHistogram(), Latency.NewHistogram());
        var current = before;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var writing = new SteadyWriter(store, SteadyKey, period, took => Latency.Record(Volatile.Read(ref current), took)).RunAsync(stop.Token);
        TimeSpan took;
        long copied;
        try
        {
            await Task.Delay(calm, cancellationToken);
            Volatile.Write(ref current, meanwhile);
            (took, copied) = await ReturnAsync(node, cancellationToken);
        }
        finally
        {
            // A histogram cannot be read while it is written.
            await stop.CancelAsync();
            await writing;
        }

        return copied == 0
            ? throw new TimeoutException($"The log held all of the {megabytes} MB that were missed: no checkpoint was fetched.")
            : new RecoveryResult("more than the log keeps, by a checkpoint", copied, took, P99(before), P99(meanwhile));
    }

    private static double P99(HistogramBase latencies) => Latency.Of(latencies).P99;

    /// <summary>
    /// Starts the node; returns the time until it had applied the index that was committed at the start, and the size of the checkpoint that it
    /// fetched, 0 for none.
    /// </summary>
    private async Task<(TimeSpan Took, long Copied)> ReturnAsync(int node, CancellationToken cancellationToken)
    {
        var committed = await CommittedAsync(node, cancellationToken);
        var begun = Stopwatch.GetTimestamp();
        cluster.Start(node);
        var copied = await WhenAppliedAsync(node, committed, cancellationToken);
        return (Stopwatch.GetElapsedTime(begun), copied);
    }

    /// <summary>Returns the size of the largest checkpoint that the node was observed to fetch, bytes.</summary>
    private async Task<long> WhenAppliedAsync(int node, long index, CancellationToken cancellationToken)
    {
        var (clock, copied) = (Stopwatch.StartNew(), 0L);
        while (await cluster.GroupAsync(node, Shard, cancellationToken) is var group && (group is null || group.AppliedIndex < index))
        {
            copied = Math.Max(copied, group?.CopyBytes ?? 0);
            if (clock.Elapsed > Patience)
            {
                throw new TimeoutException($"Waited {Patience.TotalSeconds:0} s for a node to apply index {index}; it is at {group?.AppliedIndex}.");
            }

            await Task.Delay(LookPeriod, cancellationToken);
        }

        return copied;
    }

    private async Task<int> FollowerAsync(CancellationToken cancellationToken) =>
        await cluster.LeaderOfAsync(SteadyKey, cancellationToken) is { } leader
            ? (leader + 1) % cluster.Endpoints.Count
            : throw new TimeoutException("The shard has no leader.");

    /// <summary>The last index that one of the other nodes reports as committed.</summary>
    private async Task<long> CommittedAsync(int without, CancellationToken cancellationToken)
    {
        var groups = await Task.WhenAll(Enumerable.Range(0, cluster.Endpoints.Count)
            .Where(node => node != without).Select(node => cluster.GroupAsync(node, Shard, cancellationToken)));
        return groups.Max(static group => group?.CommitIndex) ?? throw new TimeoutException("Neither of the other nodes answers.");
    }

    /// <summary>Writes the given amount under new keys; returns the number of value bytes.</summary>
    private async Task<long> FillAsync(int megabytes, CancellationToken cancellationToken)
    {
        var count = (int)(megabytes * BytesPerMegabyte / ValueBytes);
        var (from, written) = (_filled, 0);
        _filled += count;
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(
            async () =>
            {
                // Random, so that neither log nor engine can compress it.
                var value = new byte[ValueBytes];
                var chance = new Random(from + writer);
                while (Interlocked.Increment(ref written) is var number && number <= count)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    chance.NextBytes(value);
                    await store.PutAsync(writer, BitConverter.GetBytes(from + number), value);
                }
            },
            cancellationToken)));
        return (long)count * ValueBytes;
    }
}
