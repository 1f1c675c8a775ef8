using System.Diagnostics;
using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Telemetry;

namespace KvRaft.Raft.Groups;

// The leader: its confirmation and transfer, and the work at each heartbeat interval.
public sealed partial class RaftGroup
{
    /// <summary>Steps down if this replica leads. The next election decides the next leader.</summary>
    public async Task ResignAsync(CancellationToken cancellationToken)
    {
        if (IsLeader)
        {
            await ((DotNext.Net.Cluster.ICluster)_cluster).ResignAsync(cancellationToken).ConfigureAwait(false);
            await Leaders.VacateAsync(isGone: true).WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// On the leader: transfers leadership to a voter. True if this replica no longer leads; then the target leads, unless another event intervened.
    /// False: nothing changed; the target is unreachable or behind.
    /// </summary>
    public Task<bool> TransferLeadershipAsync(GroupVoter to, CancellationToken cancellationToken) => Transfer.ToAsync(to, cancellationToken);

    /// <summary>Called once per heartbeat interval, by one caller at a time.</summary>
    internal void OnHeartbeat()
    {
        if (!_health.TakesPart || !IsMember)
        {
            return;
        }

        try
        {
            _pulse.OnHeartbeat();
            if (_health.IsRunning)
            {
                _rescue.OnHeartbeat();
                _lagging.OnHeartbeat();
            }

            if ((!_health.IsRunning || !HasRoom) && _cluster.Leader is { IsRemote: false })
            {
                _handOver.Start();
            }

            _clockHandOver.OnHeartbeat();
        }
        catch (UnreachableException error)
        {
            // DotNext sets this for a replica in which a state change failed, most likely on the log. Such a replica takes no part any more and sends nothing.
            Fail(error);
        }
    }

    private void OnLeaderChanged(RaftCluster<RaftClusterMember> cluster, RaftClusterMember? leader)
    {
        if (leader is { IsRemote: false })
        {
            _ = Background.GuardAsync("confirming leadership", ConfirmLeadershipAsync);
        }
        else
        {
            Leaders.OnLeaderChanged();
        }

        LogMessages.LeaderChanged(_logger, Id.Value, Term, Leader?.Value ?? "no node");
        LeadershipChanged?.Invoke();
    }

    /// <summary>
    /// A new leader's first round is rejected (it starts behind its own first entry), and DotNext starts the second one a whole heartbeat interval later;
    /// until then the leader cannot serve. This loop requests rounds until the term is confirmed, which takes one round trip instead.
    /// </summary>
    internal async Task ConfirmLeadershipAsync()
    {
        while (_cluster.LeadershipToken.IsCancellationRequested && _cluster.Leader is { IsRemote: false } && !Leaders.HasStoodDown && !_stopping.IsCancellationRequested)
        {
            try
            {
                using var limit = new CancellationTokenSource(_host.Options.Timings.RequestTimeout);
                await _cluster.ForceReplicationAsync(limit.Token).ConfigureAwait(false);
            }
            catch (Exception error) when (error is NotLeaderException or OperationCanceledException or ObjectDisposedException)
            {
                // The replica was deposed meanwhile, or a voter is slow: the loop's condition decides.
                await Task.Yield();
            }
        }

        LeadershipChanged?.Invoke();
    }
}
