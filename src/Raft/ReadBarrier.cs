using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Topology;

namespace KvRaft.Raft;

/// <summary>
/// Makes reads of the leader's state machine linearizable without writing: the ReadIndex protocol (Ongaro's dissertation,
/// section 6.4). One quorum round serves every read that waited for it.
/// <para>
/// A round notes the term and the commit index, then asks for a heartbeat round that <i>starts after that</i> to reach a majority, and
/// then waits until the noted index is applied. Two things make it safe: the noted commit index is used only if its entry is of
/// the present term (a fresh leader may not know how far its predecessor committed; it waits for everything in its log instead), and the
/// term is compared again afterwards (leadership lost and won anew in between would let a stale index pass).
/// </para>
/// <para>Thread-safe.</para>
/// </summary>
internal sealed class ReadBarrier(RaftCluster cluster, GroupAuditTrail log, Func<long, long> termAt, ApplyProgress progress, TimeSpan timeout)
{
    private readonly Lock _gate = new();
    private TaskCompletionSource<ReadBarrierStatus>? _waiting;
    private bool _running;
#if PLANTED_BUGS
    private long _plantedLeaseUntil;
#endif

    public Task<ReadBarrierStatus> WaitAsync(CancellationToken cancellationToken)
    {
        Task<ReadBarrierStatus> round;
        lock (_gate)
        {
            _waiting ??= new TaskCompletionSource<ReadBarrierStatus>(TaskCreationOptions.RunContinuationsAsynchronously);
            round = _waiting.Task;
            if (!_running)
            {
                _running = true;
                _ = RunAsync();
            }
        }

        return cancellationToken.CanBeCanceled ? round.WaitAsync(cancellationToken) : round;
    }

    private async Task RunAsync()
    {
        while (true)
        {
            TaskCompletionSource<ReadBarrierStatus> round;
            lock (_gate)
            {
                if (_waiting is null)
                {
                    _running = false;
                    return;
                }

                round = _waiting;
                _waiting = null;
            }

            try
            {
                round.SetResult(await RoundAsync().ConfigureAwait(false));
            }
            catch (Exception error)
            {
                // The replica failed while we waited for it to apply: every reader of this round must hear of it.
                round.SetException(error);
            }
        }
    }

    private async ValueTask<ReadBarrierStatus> RoundAsync()
    {
        var term = log.Term;
#if PLANTED_BUGS
        if (Storage.PlantedBug.Is("lease-too-long") && Environment.TickCount64 < _plantedLeaseUntil) { return ReadBarrierStatus.Passed; }
#endif
        if (cluster.LeadershipToken.IsCancellationRequested)
        {
            return ReadBarrierStatus.NotLeader;
        }

        var commitIndex = log.CommitIndex;
        var readIndex = termAt(commitIndex) == term ? commitIndex : log.LastIndex;
#if PLANTED_BUGS
        if (Storage.PlantedBug.Is("read-without-quorum")) { await progress.WaitAsync(readIndex, CancellationToken.None).ConfigureAwait(false); return ReadBarrierStatus.Passed; }
#endif
        using var limit = new CancellationTokenSource(timeout);
        try
        {
            await cluster.ForceReplicationAsync(limit.Token).ConfigureAwait(false);
            if (log.Term != term)
            {
                return ReadBarrierStatus.NotLeader;
            }

            await progress.WaitAsync(readIndex, limit.Token).ConfigureAwait(false);
#if PLANTED_BUGS
            _plantedLeaseUntil = Environment.TickCount64 + 10_000;
#endif
            return ReadBarrierStatus.Passed;
        }
        catch (NotLeaderException)
        {
            return ReadBarrierStatus.NotLeader;
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            return ReadBarrierStatus.Unavailable;
        }
        catch (ObjectDisposedException)
        {
            return ReadBarrierStatus.NotLeader;
        }
    }
}
