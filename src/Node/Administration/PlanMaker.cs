using System.Collections.Immutable;
using KvRaft.Node.Cluster;
using KvRaft.Node.Control;
using KvRaft.Node.Requests;
using KvRaft.Node.Routing;
using KvRaft.Placement.Planning;
using KvRaft.Placement.State;
using KvRaft.Raft.Reads;
using KvRaft.V1;

namespace KvRaft.Node.Administration;

/// <summary>On the leader of group 0: makes plans from the committed state and the reports of nodes, and commits them.</summary>
internal sealed class PlanMaker(PlacementAgent placement, PlacementRouter router, NodeMonitor monitor, DeadlineTokens tokens, TimeProvider time)
{
    /// <summary>If the state changed while a plan was made, the plan is refused, and made again; keyspaces are created all the time.</summary>
    private const int Attempts = 5;

    /// <summary>The state and the reports, with everything that was committed before this call; null: this node does not lead group 0.</summary>
    public async Task<PlacementSight?> LookAsync(Deadline deadline)
    {
        try
        {
            if ((await placement.Group.ReadBarrierAsync(tokens.For(deadline))).Status != ReadBarrierStatus.Passed)
            {
                return null;
            }
        }
        catch (OperationCanceledException)
        {
            return null;
        }

        var reports = monitor.Reports();
        return new PlacementSight(placement.State, reports, NodeMonitor.Facts(reports));
    }

    /// <summary>The failure when <see cref="LookAsync"/> returned nothing.</summary>
    public static Failure NotLed => Failure.NoPlacementLeader(TimeSpan.FromMilliseconds(250));

    /// <summary>A preview of the plan, with or without further changes.</summary>
    public async Task<Answered<PlanInfo>> ShowAsync(ImmutableArray<TopologyChange> more, Deadline deadline)
    {
        if (await LookAsync(deadline) is not { } sight)
        {
            return NotLed;
        }

        var staged = sight.State.Operations.Staged;
        var (plan, refused) = Planner.Make(sight.State, staged.AddRange(more.Where(change => !staged.Contains(change))), sight.Facts);
        return plan is null ? PlacementRouter.ToFailure(refused!) : PlacementWire.ToWire(plan, 0, sight.State.Epoch, sight.State.Operations.Settings);
    }

    public async Task<Answered<PlanInfo>> StageAsync(ImmutableArray<TopologyChange> changes, Deadline deadline)
    {
        var staged = await router.ProposeAsync<PlanInfo>(new StageChanges(changes), static _ => new PlanInfo(), deadline);
        return staged.HasAnswer ? await ShowAsync([], deadline) : staged;
    }

    /// <summary>Commits changes; null: the staged ones.</summary>
    public async Task<Answered<PlanInfo>> CommitAsync(ImmutableArray<TopologyChange>? changes, Deadline deadline)
    {
        for (var attempt = 1; ; attempt++)
        {
            if (await LookAsync(deadline) is not { } sight)
            {
                return NotLed;
            }

            var wanted = changes ?? sight.State.Operations.Staged;
            if (wanted.IsEmpty)
            {
                return Failure.Invalid("plan", "nothing is staged");
            }

            var (plan, refused) = Planner.Make(sight.State, wanted, sight.Facts);
            if (plan is null)
            {
                return PlacementRouter.ToFailure(refused!);
            }

            var cause = string.Join(", ", wanted);
            var command = plan.ToCommand(cause, time.GetUtcNow().ToUnixTimeMilliseconds(), takesStaged: changes is null);
            var isStale = false;
            var answered = await router.ProposeAsync<PlanInfo>(
                command,
                outcome => PlacementWire.ToWire(plan, ((PlanCommitted)outcome).Plan, ((PlanCommitted)outcome).Epoch, sight.State.Operations.Settings),
                deadline,
                refusal => isStale = refusal.Reason == PlacementRefusal.PlanIsStale);
            if (!isStale || attempt == Attempts)
            {
                return answered;
            }
        }
    }
}
