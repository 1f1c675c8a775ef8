using KvRaft.Node.Cluster;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Telemetry;
using KvRaft.Placement.Planning;
using KvRaft.Placement.State;
using KvRaft.Raft.Proposals;
using KvRaft.Topology;

namespace KvRaft.Node.Control;

/// <summary>The facts that the placement driver sees at one moment.</summary>
/// <param name="State">The committed state.</param>
/// <param name="Reports">The last report of each node.</param>
/// <param name="Facts">The same, in the form for plans.</param>
internal sealed record PlacementSight(PlacementState State, IReadOnlyDictionary<NodeId, NodeReport> Reports, ClusterFacts Facts)
{
    /// <summary>The node answers, and is not about to leave.</summary>
    /// <summary>The node reported that its wall clock is wrong; its leaderships are transferred.</summary>
    public bool IsSkewed(NodeId node) => Reports.TryGetValue(node, out var report) && report.Status?.Clock is { Skewed: true };

    public bool IsFit(NodeId node) => State.FindNode(node) is { IsOwner: true, Standing: not NodeStanding.Draining } && !Facts.Away.Contains(node);

    /// <summary>
    /// The node has no replica, gets none, and is not about to drop one: an old replica is still compared and deleted, and the node must not be removed in the
    /// middle of that.
    /// </summary>
    public bool HoldsNothing(NodeId node) =>
        !State.Map!.ShardsOn(node).Any()
        && !State.Moves.Any(move => move.From.Node == node || move.To.Node == node)
        && !State.Operations.Operators.Any(one => one.From == node || one.To == node)
        && (Facts.Away.Contains(node) || Reports.GetValueOrDefault(node)?.Status?.Groups.Any(static group => group.Shard >= 0) == false);
}

/// <summary>
/// The placement driver: on the leader of group 0 it reconciles actual with desired state, in small steps. All its decisions are
/// functions in <c>src/Placement/Planning</c>, and all its memory is in group 0; so it may stop at any point, and the next leader continues.
/// <list type="number">
/// <item><see cref="OperatorDuty"/>: starts the moves that wait, if nothing prevents them, and watches them; plans new replicas for those of dead nodes.</item>
/// <item><see cref="DepartureDuty"/>: removes a node that was to leave and holds nothing any more.</item>
/// <item><see cref="Group0VoterDuty"/>: group 0's own voters.</item>
/// <item><see cref="LeadershipDuty"/>: the leader of each shard.</item>
/// </list>
/// The leaders of the shards execute the moves themselves (<see cref="MoveDriver"/>).
/// </summary>
internal sealed class PlacementDriver(
    PlacementAgent placement, NodeMonitor monitor, ShardMapHolder map, OperatorWatchdog watchdog, OperatorDuty operators, DepartureDuty departures, Group0VoterDuty group0Voters,
    LeadershipDuty leaderships, NodeFailure failure, TimeProvider time) : BackgroundService
{
    /// <summary>Between two checks without news. Most events it waits for raise a signal; silence does not, and takes seconds to have a meaning.</summary>
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(500);

    /// <summary>Least time between two checks: a move that ends wakes it, and a hundred may end in a second.</summary>
    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(20);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => failure.GuardAsync(DriveAsync, stoppingToken);

    private async Task DriveAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            // Taken before the state is read; see ChangeSignal.
            var (news, round) = (map.Changes.Next, monitor.Rounds.Next);
            if (!placement.Group.IsLeader || !placement.State.IsInitialized)
            {
                watchdog.Forget();
                await news.WaitAsync(cancellationToken);
                continue;
            }

            await operators.ActAsync(Look(), cancellationToken);
            await departures.ActAsync(Look(), cancellationToken);
            await group0Voters.ActAsync(Look(), cancellationToken);
            await leaderships.ActAsync(Look(), cancellationToken);
            await Task.Delay(Breath, time, cancellationToken);
            await Task.WhenAny(news, round, Task.Delay(Pace, time, cancellationToken)).WaitAsync(cancellationToken);
        }
    }

    private PlacementSight Look()
    {
        var reports = monitor.Reports();
        return new PlacementSight(placement.State, reports, NodeMonitor.Facts(reports));
    }
}

/// <summary>Proposes on behalf of the driver, and logs it.</summary>
internal static class PlacementActs
{
    /// <summary>For one proposal; after this time the next check sees its outcome.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>True if it was applied and not refused.</summary>
    public static async Task<bool> ActAsync(
        this PlacementAgent placement, PlacementCommand command, string what, ILogger logger, CancellationToken stoppingToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        limit.CancelAfter(Patience);
        var result = await placement.ProposeAsync(command, limit.Token);
        stoppingToken.ThrowIfCancellationRequested();
        if (result is { Status: ProposalStatus.Applied, Outcome: not PlacementRefused })
        {
            logger.PlacementActs(what);
            return true;
        }

        logger.PlacementActRefused(what, (result.Outcome as PlacementRefused)?.Message ?? result.Status.ToString());
        return false;
    }
}
