using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Consensus;

namespace KvRaft.Raft.Reads;

/// <summary>
/// Makes reads of the leader's state machine linearizable without writing: the ReadIndex protocol (Ongaro's dissertation,
/// section 6.4). One quorum round serves every read that waited for it.
/// <para>
/// A round records the term and the commit index, then requires a proof <i>begun after that</i> that no other replica leads, and then waits until the recorded index is
/// applied. The proof is a quorum confirmation: a majority confirms that it has seen no higher term (<see cref="TermQuorum"/>). If it fails, a heartbeat round of the
/// library is used, which also handles the loss of a majority. <see cref="ReadPoint"/> explains the safety.
/// </para>
/// <para>Thread-safe.</para>
/// </summary>
internal sealed partial class ReadBarrier
{
    private readonly RaftCluster _cluster;
    private readonly TermQuorum _terms;
    private readonly GroupAuditTrail _log;
    private readonly Func<long, long?> _termAt;
    private readonly ApplyProgress _progress;
    private readonly TimeSpan _timeout;
    private readonly SharedRounds<ReadBarrierStatus> _rounds;
    private readonly SharedRounds<ReadBarrierStatus> _heartbeats;

    public ReadBarrier(RaftCluster cluster, TermQuorum terms, GroupAuditTrail log, Func<long, long?> termAt, ApplyProgress progress, TimeSpan timeout)
    {
        _cluster = cluster;
        _terms = terms;
        _log = log;
        _termAt = termAt;
        _progress = progress;
        _timeout = timeout;
        Func<bool, Task<ReadBarrierStatus>> round = RoundAsync;
        Plant(ref round);
        _rounds = new SharedRounds<ReadBarrierStatus>(() => round(false));
        _heartbeats = new SharedRounds<ReadBarrierStatus>(() => round(true));
    }

    /// <summary>When it passes, a read of this leader's state is linearizable. The followers receive no message by it.</summary>
    public Task<ReadBarrierStatus> WaitAsync(CancellationToken cancellationToken) => Wait(_rounds.NextAsync(), cancellationToken);

    /// <summary>
    /// The same, but proven only by a heartbeat round: the round sends the commit index to the followers, and ends rounds that began with other
    /// voters.
    /// </summary>
    public Task<ReadBarrierStatus> WaitForHeartbeatAsync(CancellationToken cancellationToken) => Wait(_heartbeats.NextAsync(), cancellationToken);

    private static Task<ReadBarrierStatus> Wait(Task<ReadBarrierStatus> round, CancellationToken cancellationToken) =>
        cancellationToken.CanBeCanceled ? round.WaitAsync(cancellationToken) : round;

    private async Task<ReadBarrierStatus> RoundAsync(bool byHeartbeat)
    {
        if (_cluster.LeadershipToken.IsCancellationRequested || ReadPoint.Of(_log, _termAt) is not { } point)
        {
            return ReadBarrierStatus.NotLeader;
        }

        using var limit = new CancellationTokenSource(_timeout);
        try
        {
            if (byHeartbeat || !await _terms.HoldsAsync(point.Term).ConfigureAwait(false))
            {
                await _cluster.ForceReplicationAsync(limit.Token).ConfigureAwait(false);
            }

            if (!point.StillHolds(_log))
            {
                return ReadBarrierStatus.NotLeader;
            }

            await _progress.WaitAsync(point.Index, limit.Token).ConfigureAwait(false);
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

    /// <summary>Has no body, and so no call, except in a build with planted bugs.</summary>
    partial void Plant(ref Func<bool, Task<ReadBarrierStatus>> round);
}
