using System.Net;
using DotNext.Net.Cluster;
using DotNext.Net.Cluster.Consensus.Raft;
using DotNext.Net.Cluster.Consensus.Raft.Membership;
using KvRaft.Raft.Consensus;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Reads;
using KvRaft.Raft.Transport;

namespace KvRaft.Raft.Groups;

/// <summary>
/// Changes a group's voters, one at a time, on the leader.
/// <para>
/// DotNext's own calls return when the new configuration is committed, before it is in force: the member list is updated through a
/// queue, and a round may still run under the old configuration. Two changes in a row could then be decided by majorities that do not
/// intersect. And a call that was cancelled may leave its configuration entry in the log, not committed yet; the next call would
/// then start from the previous list. So a change begins only when the membership is <i>settled</i>: this replica is proven to lead, no
/// configuration in its log waits for its commit, the members in memory equal those on disk, and one whole round has passed since.
/// </para>
/// </summary>
internal sealed class GroupMembership(
    RaftCluster cluster, MemberStorage members, GroupAuditTrail audit, ReadBarrier barrier, TimeSpan roundTimeout, TimeProvider time)
    : IDisposable
{
    /// <summary>The queue between a committed configuration and the members in force empties in microseconds; each check costs a file read.</summary>
    private static readonly TimeSpan SettlePace = TimeSpan.FromMilliseconds(10);

    private readonly SemaphoreSlim _turn = new(1);

    /// <summary>True if this replica itself is a voter in its own view.</summary>
    public bool IsMember => cluster.Members.Any(static member => !member.IsRemote);

    public async Task<MembershipChange> ChangeAsync(EndPoint replica, bool add, CancellationToken cancellationToken)
    {
        if (!await _turn.WaitAsync(TimeSpan.Zero, CancellationToken.None).ConfigureAwait(false))
        {
            return MembershipChange.Unsettled;
        }

        try
        {
            if (!await IsSettledAsync(cancellationToken).ConfigureAwait(false))
            {
                return MembershipChange.Unsettled;
            }

            var isTaken = add
                ? await cluster.AddMemberAsync(replica, cancellationToken).ConfigureAwait(false)
                : await cluster.RemoveMemberAsync(replica, cancellationToken).ConfigureAwait(false);
            if (!isTaken)
            {
                return MembershipChange.NotTaken;
            }

            while (!await IsSettledAsync(cancellationToken).ConfigureAwait(false))
            {
                if (cluster.LeadershipToken.IsCancellationRequested)
                {
                    return MembershipChange.NotLeader;
                }

                await Task.Delay(SettlePace, time, cancellationToken).ConfigureAwait(false);
            }

            return MembershipChange.Done;
        }
        catch (NotLeaderException)
        {
            return MembershipChange.NotLeader;
        }
        catch (MemberUnavailableException)
        {
            return MembershipChange.NotTaken;
        }
        catch (OperationCanceledException)
        {
            return MembershipChange.Unknown;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>True if the members that this leader counts equal those on its disk, no change of them is pending, and a round has passed.</summary>
    public async Task<bool> IsSettledAsync(CancellationToken cancellationToken)
    {
        var term = audit.Term;
        if (await barrier.WaitForHeartbeatAsync(cancellationToken).ConfigureAwait(false) != ReadBarrierStatus.Passed
            || !await AreInForceAsync(cancellationToken).ConfigureAwait(false))
        {
            return false;
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(roundTimeout);
        try
        {
            await cluster.ForceReplicationAsync(limit.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (error is NotLeaderException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return false;
        }

        return audit.Term == term && await AreInForceAsync(cancellationToken).ConfigureAwait(false);
    }

    public void Dispose() => _turn.Dispose();

    private async Task<bool> AreInForceAsync(CancellationToken cancellationToken)
    {
        if (cluster.LeadershipToken.IsCancellationRequested || audit.HasOpenConfiguration)
        {
            return false;
        }

        var stored = await ((IClusterConfigurationStorage<EndPoint>)members).LoadConfigurationAsync(cancellationToken).ConfigureAwait(false);
        var counted = cluster.Members.Select(static member => member.EndPoint).ToHashSet(ReplicaEndPointComparer.Instance);
        return counted.SetEquals(stored.Members);
    }
}
