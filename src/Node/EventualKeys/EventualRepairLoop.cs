using KvRaft.Eventual.Coordinators;
using KvRaft.Eventual.Repair;
using KvRaft.Eventual.Replicas;
using KvRaft.Node.Cluster;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Telemetry;
using KvRaft.Storage;

namespace KvRaft.Node.EventualKeys;

/// <summary>
/// Repairs this node's copies of eventual keys with those of other nodes, continuously: hints are delivered, token ranges are compared, expired values
/// and tombstones that every replica confirmed are removed. A node that answers again after a silence is repaired at once. Each task has its own
/// pace; see <see cref="RepairOptions"/>.
/// </summary>
internal sealed class EventualRepairLoop(
    EventualReplica replica, HintedHandoff handoff, RepairRounds rounds, ExpirySweep expiries, TombstoneSweep tombstones, PeerSuspicion suspicion, RepairOptions options,
    ClusterTimeProvider clusterTime, NodeFailure failure, TimeProvider time, ILogger<EventualRepairLoop> logger) : BackgroundService
{
    private static readonly Task Never = new TaskCompletionSource().Task;

    private readonly ChangeSignal _asked = new();
    private volatile bool _paused;

    /// <summary>Records that the last sweep could not read. Used by the sweep.</summary>
    private int _damaged;

    /// <summary>Copies are not compared and tombstones not removed, until a call resumes it or the node restarts.</summary>
    public bool IsPaused => _paused;

    public void Pause() => _paused = true;

    public void Resume()
    {
        _paused = false;
        RunSoon();
    }

    /// <summary>Starts the next round at once.</summary>
    public void RunSoon() => _asked.Raise();

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(
        failure.GuardAsync(token => RepeatAsync(handoff.RunAsync, () => replica.Hints.Added, options.RoundInterval, token), stoppingToken),
        failure.GuardAsync(token => RepeatAsync(token => _paused ? Task.CompletedTask : rounds.RunAsync(token), null, options.RoundInterval, token), stoppingToken),
        failure.GuardAsync(token => RepeatAsync(SweepAsync, null, options.SweepInterval, token), stoppingToken));

    private async Task RepeatAsync(Func<CancellationToken, Task> run, Func<Task>? news, TimeSpan interval, CancellationToken cancellationToken)
    {
        while (true)
        {
            // Taken before the run, so that a request that arrives meanwhile is not missed.
            var (back, asked, more) = (suspicion.Cleared, _asked.Next, news?.Invoke() ?? Never);
            try
            {
                await run(cancellationToken);
            }
            catch (StorageException) when (cancellationToken.IsCancellationRequested || replica.Failure.IsFaulted)
            {
                // The store closes, or has failed, which EventualWatch reports: there is nothing more to do.
                await Task.Delay(Timeout.Infinite, cancellationToken);
            }
            catch (StorageException)
            {
                // The store has no disk space, or is being rebuilt. The step is repeated like all others.
            }

            await Task.WhenAny(back, asked, Task.Delay(interval, time, cancellationToken), more).WaitAsync(cancellationToken);
        }
    }

    private async Task SweepAsync(CancellationToken cancellationToken)
    {
        if (!clusterTime.IsSettled)
        {
            // An expired value is deleted on every node once this one meets the others, so no value is expired by the wall clock of one node.
            return;
        }

        var damaged = await expiries.RunAsync(cancellationToken);
        if (damaged != _damaged)
        {
            // Once for each change of the number: the sweep runs every few seconds.
            _damaged = damaged;
            logger.EventualRecordsDamaged(damaged);
        }

        if (!_paused)
        {
            await tombstones.RunAsync(cancellationToken);
        }
    }
}
