using KvRaft.Node.Cluster;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Telemetry;
using KvRaft.Placement.Planning;
using KvRaft.Placement.State;
using KvRaft.Raft.Proposals;
using KvRaft.Topology;

namespace KvRaft.Node.Control;

/// <summary>What the placement driver sees at one moment.</summary>
/// <param name="State">What is agreed on.</param>
/// <param name="Reports">What was heard of each node.</param>
/// <param name="Facts">The same, as plans take it.</param>
internal sealed record PlacementSight(PlacementState State, IReadOnlyDictionary<NodeId, NodeReport> Reports, ClusterFacts Facts)
{
    /// <summary>It answers, and is not about to go.</summary>
    /// <summary>The wall clock of a node is wrong, as it said itself; it hands leaderships over.</summary>
    public bool IsSkewed(NodeId node) => Reports.TryGetValue(node, out var report) && report.Status?.Clock is { Skewed: true };

    public bool IsFit(NodeId node) => State.FindNode(node) is { IsOwner: true, Standing: not NodeStanding.Draining } && !Facts.Away.Contains(node);

    /// <summary>
    /// It has no replica, is to get none, and is not about to drop one: an old copy is still compared and deleted, and the node must not be cut off in the
    /// middle of it.
    /// </summary>
    public bool HoldsNothing(NodeId node) =>
        !State.Map!.ShardsOn(node).Any()
        && !State.Moves.Any(move => move.From.Node == node || move.To.Node == node)
        && !State.Operations.Operators.Any(one => one.From == node || one.To == node)
        && (Facts.Away.Contains(node) || Reports.GetValueOrDefault(node)?.Status?.Groups.Any(static group => group.Shard >= 0) == false);
}

/// <summary>
/// The placement driver: on the leader of group 0 it brings what is towards what is agreed on, one small step after the other. Everything it decides is a
/// function in <c>src/Placement/Planning</c>; everything it must remember is in group 0; so it may die anywhere, and whoever leads next goes on.
/// <list type="number">
/// <item><see cref="OperatorDuty"/>: moves that wait begin, as far as nothing keeps them, and are looked after; replicas of dead nodes are planned anew.</item>
/// <item><see cref="DepartureDuty"/>: a node that holds nothing any more and was to leave is gone.</item>
/// <item><see cref="SeatDuty"/>: group 0's own voters.</item>
/// <item><see cref="LeadershipDuty"/>: who leads which shard.</item>
/// </list>
/// The moves themselves are made by the leaders of the shards (<see cref="MoveDriver"/>).
/// </summary>
internal sealed class PlacementDriver(
    PlacementAgent placement, NodeMonitor monitor, ShardMapHolder map, OperatorWatchdog watchdog, OperatorDuty operators, DepartureDuty departures, SeatDuty seats,
    LeadershipDuty leaderships, NodeFailure failure, TimeProvider time) : BackgroundService
{
    /// <summary>Between two looks when nothing is new. What it waits for is mostly told; what is not (silence) takes seconds to mean something.</summary>
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(500);

    /// <summary>Least time between two looks: a move that ends wakes it, and a hundred may end in a second.</summary>
    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(20);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => failure.GuardAsync(DriveAsync, stoppingToken);

    private async Task DriveAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            // Taken before looking; see ChangeSignal.
            var (news, round) = (map.Changes.Next, monitor.Rounds.Next);
            if (!placement.Group.IsLeader || !placement.State.IsInitialized)
            {
                watchdog.Forget();
                await news.WaitAsync(cancellationToken);
                continue;
            }

            await operators.ActAsync(Look(), cancellationToken);
            await departures.ActAsync(Look(), cancellationToken);
            await seats.ActAsync(Look(), cancellationToken);
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

/// <summary>Proposes on behalf of the driver, and says so.</summary>
internal static class PlacementActs
{
    /// <summary>For one proposal; after it the next look sees what became of it.</summary>
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
