using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Clocks;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Telemetry;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Leadership;

/// <summary>
/// While the wall clock of this node is wrong, its groups move their leadership to another voter, if one answers, follows closely and has a correct clock. If no voter qualifies,
/// this replica continues to lead; a wrong clock is better than no leader.
/// </summary>
internal sealed class ClockHandOver(ILedGroup group, ClusterClock clock, NodeWatch nodes, NodeId self, TimeProvider time, ILogger logger)
{
    /// <summary>The pause between two attempts. An attempt delays proposals by some milliseconds.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private Task _running = Task.CompletedTask;
    private long _triedAt;
    private int _turn;

    /// <summary>Called by one caller at a time.</summary>
    public void OnHeartbeat()
    {
        if (clock.IsSkewed && group.IsLeader && _running.IsCompleted && (_triedAt == 0 || time.GetElapsedTime(_triedAt) >= Pause))
        {
            _triedAt = time.GetTimestamp();
            _running = group.Background.GuardAsync("transferring leadership because of a wrong clock", RunAsync);
        }
    }

    private async Task RunAsync()
    {
        var able = group.Voters().Where(voter => voter.Node != self && clock.MayLead(voter.Node) && !nodes.IsSilent(voter.Node)).ToArray();
        using var limit = new CancellationTokenSource(Patience, time);
        for (var i = 0; i < able.Length; i++)
        {
            // A voter that is behind now may be the first choice of the next attempt.
            var target = able[(_turn++ & int.MaxValue) % able.Length];
            try
            {
                if (await group.TransferLeadershipAsync(target, limit.Token).ConfigureAwait(false))
                {
                    LogMessages.LeadershipLeftForClock(logger, group.Id.Value, target.Node.Value);
                    return;
                }
            }
            catch (Exception error) when (error is NotLeaderException or OperationCanceledException or ObjectDisposedException)
            {
                // Another replica leads already, the target is too slow, or the replica was closed. The next heartbeat interval repeats the check.
                return;
            }
        }
    }
}
