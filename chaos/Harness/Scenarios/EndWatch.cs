using KvRaft.Chaos.Cluster;

namespace KvRaft.Chaos.Scenarios;

/// <summary>
/// Watches a run for events that are a verdict by themselves: a node that ended although no fault allows it, or a replica that stopped until an operator
/// helps. No heal repairs either, so
/// the run ends at once instead of waiting for heals, starts and answers that cannot come.
/// </summary>
internal sealed class EndWatch : IAsyncDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(500);

    private readonly ChaosCluster _cluster;
    private readonly CancellationTokenSource _over = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;

    public EndWatch(ChaosCluster cluster)
    {
        _cluster = cluster;
        _running = Task.Run(RunAsync);
    }

    /// <summary>Cancelled when such an event was seen.</summary>
    public CancellationToken Over => _over.Token;

    /// <summary>The event; null: none yet.</summary>
    public string? Seen { get; private set; }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
        _over.Dispose();
    }

    private async Task RunAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            if (_cluster.WhatIsOver(await _cluster.StatusesAsync()) is { } seen)
            {
                Seen = seen;
                await _over.CancelAsync();
                return;
            }

            await Task.Delay(Period, _stop.Token).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
    }
}
