using Grpc.Core;
using KvRaft.Node.Requests;
using KvRaft.Node.Routing;
using KvRaft.Placement.Planning;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Administration;

/// <summary>The ring, and its changes; the leader of group 0 answers, because only the leader has the status of the nodes.</summary>
internal sealed class RingService(PlacementCalls calls, PlanMaker plans) : Ring.RingBase
{
    public override Task<RingInfo> Show(ShowRingRequest request, ServerCallContext context) =>
        calls.LookAsync(ShowHereAsync, (peer, call) => peer.Ring.ShowAsync(request, call), context);

    public override Task<RingDiff> Diff(DiffRingRequest request, ServerCallContext context) =>
        calls.LookAsync(deadline => DiffHereAsync(request, deadline), (peer, call) => peer.Ring.DiffAsync(request, call), context);

    private async Task<Answered<RingInfo>> ShowHereAsync(Deadline deadline) => await plans.LookAsync(deadline) is not { } sight
        ? PlanMaker.NotLed
        : sight.State.IsInitialized ? RingWire.Show(sight) : Failure.NoMap(TimeSpan.FromMilliseconds(250));

    private async Task<Answered<RingDiff>> DiffHereAsync(DiffRingRequest request, Deadline deadline)
    {
        if (await plans.LookAsync(deadline) is not { State: var state } sight)
        {
            return PlanMaker.NotLed;
        }

        if (request.FromEpoch == 0)
        {
            var (plan, refused) = Planner.Make(state, state.Operations.Staged, sight.Facts);
            return plan is null ? PlacementRouter.ToFailure(refused!) : RingWire.Diff(plan);
        }

        var (from, to) = (request.FromEpoch, request.ToEpoch == 0 ? state.Epoch.Value : request.ToEpoch);
        var earliest = RingHistory.Earliest(state).Value;
        return from < earliest ? Failure.Invalid("from_epoch", $"the record of moves begins at ring epoch {earliest}")
            : to > state.Epoch.Value ? Failure.Invalid("to_epoch", $"the ring epoch is {state.Epoch}")
            : from > to ? Failure.Invalid("to_epoch", $"{to} is before {from}")
            : RingWire.Diff(state, new Epoch(from), new Epoch(to));
    }
}
