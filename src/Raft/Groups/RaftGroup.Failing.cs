using KvRaft.Raft.Catchup;
using KvRaft.Raft.Consensus;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Telemetry;
using KvRaft.Storage;

namespace KvRaft.Raft.Groups;

// Faults, and the close of the replica.
public sealed partial class RaftGroup
{
    /// <summary>
    /// The state of this replica is not reliable, for a reason found outside the replica (a digest differs, the node was rolled back). The replica transfers
    /// leadership and fails with <see cref="ReplicaLoss.State"/>; its owner closes it, moves its state aside and opens it again without a state.
    /// </summary>
    public void Condemn(string reason) => Fail(new StorageCorruptionException(reason));

    /// <summary>
    /// The history of a proven leader differs from this replica's: one of the two was lost, for example because an older copy of a directory was started. The replica stops
    /// participating, keeps all its data, and reports the fault in its status; an operator decides which history is right.
    /// </summary>
    internal void OnHistoryDiffers(string reason) =>
        FailSoon(new HistoryDiffersException($"its history differs from the leader's: {reason}"));

    /// <summary>
    /// The replica cannot continue: it leaves its group and reports the fault in its status. If it led, it notifies the others, and they choose a successor at once.
    /// </summary>
    internal void Fail(Exception error)
    {
        if (!_health.TryFail(ReplicaFault.Of(error), onWorse: () => Failed?.Invoke()))
        {
            return;
        }

        LogMessages.ReplicaFailed(_logger, Id.Value, error);
        if (_cluster.Leader is { IsRemote: false })
        {
            _ = Background.GuardAsync("leaving the group", () => Leaders.VacateAsync(isGone: true));
        }

        _ = Background.GuardAsync("stopping", () => _cluster.StopAsync(CancellationToken.None));
        LeadershipChanged?.Invoke();
        Failed?.Invoke();
    }

    private void OnMachineFaulted(StorageException error) => FailSoon(error);

    /// <summary>A close interrupts a save, and the configuration is saved after the next start.</summary>
    private void OnConfigurationRefused(Exception error)
    {
        if (!_stopping.IsCancellationRequested)
        {
            FailSoon(error);
        }
    }

    /// <summary>The caller holds locks, or is itself stopped by the failing replica. If this work faults, the node fails: otherwise the replica would continue to run.</summary>
    private void FailSoon(Exception error) => _ = _host.Background.Start(
        $"failing the replica of group {Id}",
        () =>
        {
            Fail(error);
            return Task.CompletedTask;
        });

    private void OnBackgroundFault(string work, Exception cause)
    {
        if (_stopping.IsCancellationRequested)
        {
            // Parts of the replica are closed already; the work skipped here is not needed.
            LogMessages.BackgroundEnded(_logger, work, cause.Message);
            return;
        }

        LogMessages.BackgroundFaulted(_logger, work, cause);
        Fail(cause);
    }

    /// <summary>One step of a node loop. A fault in it stops this replica, not the loop.</summary>
    internal void Guard(string work, Action<RaftGroup> step)
    {
        try
        {
            step(this);
        }
        catch (Exception cause)
        {
            OnBackgroundFault(work, cause);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_health.State == ReplicaState.Stopped)
        {
            return;
        }

        await _stopping.CancelAsync().ConfigureAwait(false);
        await _rebuilding.ConfigureAwait(false);
        await _learning.ConfigureAwait(false);
        await _handOver.Running.ConfigureAwait(false);
        await _retention.Resting.ConfigureAwait(false);
        await Leaders.DisposeAsync().ConfigureAwait(false);
        await _rescue.DisposeAsync().ConfigureAwait(false);
        await _lease.DisposeAsync().ConfigureAwait(false);
        await _queue.DisposeAsync().ConfigureAwait(false);
        _followerBarrier.Dispose();
        _cluster.LeaderChanged -= OnLeaderChanged;
        var hasLed = IsLeader;
        await _cluster.StopAsync(CancellationToken.None).ConfigureAwait(false);
        if (hasLed && !_host.IsDoomed)
        {
            // The process may continue to run, and to answer pings, for a long time.
            await Leaders.VacateAsync(isGone: true).ConfigureAwait(false);
        }

        await _cluster.DisposeAsync().ConfigureAwait(false);
        await _applier.DisposeAsync().ConfigureAwait(false);
        await _digests.DisposeAsync().ConfigureAwait(false);
        _audit.Detach();
        _progress.Fail(new ObjectDisposedException(nameof(RaftGroup), $"Group {Id} is closed on this node."));
        if (_health.State != ReplicaState.Failed)
        {
            _retention.FlushBeforeClosing();
        }

        _health.Stop();
        _machine.Faulted -= OnMachineFaulted;
        _machine.Dispose();
        Transfer.Dispose();
        _membership.Dispose();
        _members.Dispose();
        Checkpoints.Dispose();
        await _audit.DisposeAsync().ConfigureAwait(false);
        _stopping.Dispose();
    }
}
