using KvRaft.Benchmarks.Clusters;
using KvRaft.Benchmarks.Load;
using KvRaft.Benchmarks.Stores;

namespace KvRaft.Benchmarks.Failover;

/// <summary>
/// Kills the leader of the written group repeatedly, and measures each time for how long no write was acknowledged. Between two kills the node is
/// started again and the cluster becomes complete.
/// </summary>
internal sealed class FailoverRounds(ICluster cluster, IStore store, TimeSpan period, TimeSpan settle)
{
    /// <summary>The number of acknowledged writes after a kill that end its round; half a second of them at the default rate.</summary>
    private const int WritesEnough = 50;

    /// <summary>A longer time is an outage, and ends the run.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan LookPeriod = TimeSpan.FromMilliseconds(20);

    private static readonly byte[] Key = "failover"u8.ToArray();

    /// <exception cref="TimeoutException">Writes were not acknowledged again.</exception>
    public async Task<IReadOnlyList<TimeSpan>> RunAsync(int kills, Action<TimeSpan> seen, CancellationToken cancellationToken)
    {
        var gap = new WriteGap();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var writing = new SteadyWriter(store, Key, period, _ => gap.Acknowledged()).RunAsync(stop.Token);
        var gaps = new List<TimeSpan>();
        try
        {
            while (gaps.Count < kills)
            {
                await Task.Delay(settle, cancellationToken);
                gap.Begin();
                await UntilAsync(() => gap.Count >= WritesEnough, "writes before a kill", cancellationToken);
                var leader = await cluster.LeaderOfAsync(Key, cancellationToken) ?? throw new TimeoutException("No leader is known although writes succeed.");
                gap.Begin();
                cluster.Kill(leader);
                await UntilAsync(() => gap.Count >= WritesEnough, "writes after a kill", cancellationToken);
                gaps.Add(gap.Longest);
                seen(gap.Longest);
                await cluster.RestartAsync(leader, cancellationToken);
            }
        }
        finally
        {
            await stop.CancelAsync();
            await writing;
        }

        return gaps;
    }

    private static async Task UntilAsync(Func<bool> isSo, string what, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Patience);
        try
        {
            while (!isSo())
            {
                await Task.Delay(LookPeriod, limit.Token);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"Waited {Patience.TotalSeconds:0} s for {what}.");
        }
    }
}
