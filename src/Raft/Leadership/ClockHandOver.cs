using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Clocks;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Telemetry;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Leadership;

/// <summary>
/// While the wall clock of this node is wrong, its groups are led elsewhere, if another voter can: one that answers, follows closely and has a clock that is right. If none can,
/// this replica goes on leading; a wrong clock is no reason to be without a leader.
/// </summary>
internal sealed class ClockHandOver(ILedGroup group, ClusterClock clock, NodeWatch nodes, NodeId self, TimeProvider time, ILogger logger)
{
    /// <summary>Between two tries. A try holds proposals back for some milliseconds.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private Task _running = Task.CompletedTask;
    private long _triedAt;
    private int _turn;

    /// <summary>By one at a time.</summary>
    public void Beat()
    {
        if (clock.IsSkewed && group.IsLeader && _running.IsCompleted && (_triedAt == 0 || time.GetElapsedTime(_triedAt) >= Pause))
        {
            _triedAt = time.GetTimestamp();
            _running = group.Background.GuardAsync("leaving leadership for a wrong clock", RunAsync);
        }
    }

    private async Task RunAsync()
    {
        var able = group.Voters().Where(voter => voter.Node != self && clock.MayLead(voter.Node) && !nodes.IsSilent(voter.Node)).ToArray();
        using var limit = new CancellationTokenSource(Patience, time);
        for (var i = 0; i < able.Length; i++)
        {
            // A voter that is behind today may be the first choice of the next try.
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
                // Another leads already, the target is too slow, or the replica was closed. What is left to do is seen at the next beat.
                return;
            }
        }
    }
}
