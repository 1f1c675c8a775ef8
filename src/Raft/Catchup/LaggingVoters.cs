using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Consensus;
using KvRaft.Raft.Log;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Options;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Telemetry;
using KvRaft.Raft.Transport;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Catchup;

/// <summary>
/// The leader's part in the catch-up of voters that lack entries below its log start: it notifies them, and continues where they report that they are. The voter's part is
/// <see cref="ReplicaRescue"/>.
/// </summary>
internal sealed class LaggingVoters(
    IGroup group, RaftCluster cluster, PeerSurvey survey, NodeWatch watch, RaftTimings timings, ILogger logger, CancellationToken stoppingToken)
{
    private int _heartbeats;

    /// <summary>
    /// Once in <see cref="RaftTimings.HeartbeatsOfSilence"/> the leader notifies each voter that it cannot feed. Without that, such a voter detects only the absence of a
    /// leader, and only after the group's election timeout. Called once per heartbeat interval, by one caller at a time.
    /// </summary>
    public void OnHeartbeat()
    {
        if (!group.IsLeader || ++_heartbeats % timings.HeartbeatsOfSilence != 0)
        {
            return;
        }

        foreach (var member in cluster.Members)
        {
            if (member.IsRemote && IMemberInternals.NextIndex(member) <= group.Log.Start.Index && ReplicaEndPoint.TryParse(member.EndPoint, out var node, out _)
                && !watch.IsSilent(node))
            {
                _ = group.Background.GuardAsync("notifying a voter that it is behind", () => TellBehindAsync(node));
            }
        }
    }

    /// <summary>A member that needs entries below our log start reports its position. True if this replica leads and recorded it. Any thread.</summary>
    public bool OnNudged(GroupVoter voter, long commitIndex)
    {
        if (!group.IsLeader)
        {
            return false;
        }

        var identity = ReplicaEndPoint.Create(voter.Node, new ReplicaKey(group.Id, voter.Incarnation));
        foreach (var member in cluster.Members)
        {
            if (member.IsRemote && ReplicaEndPointComparer.Instance.Equals(member.EndPoint, identity) && commitIndex <= group.Log.LastIndex)
            {
                var next = RescueRules.NextIndex(group.Log, commitIndex);
                IMemberInternals.MoveNextIndex(member, next);
                LogMessages.MemberNudged(logger, group.Id.Value, voter.Node.Value, next);
            }
        }

        return true;
    }

    private async Task TellBehindAsync(NodeId node)
    {
        try
        {
            await survey.TellAsync(node, PeerRequestKind.Behind, stoppingToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Closing.
        }
    }
}
