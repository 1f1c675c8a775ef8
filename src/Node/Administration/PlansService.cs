using System.Collections.Immutable;
using Grpc.Core;
using KvRaft.Node.Cluster;
using KvRaft.Node.Requests;
using KvRaft.Placement.State;
using KvRaft.V1;

namespace KvRaft.Node.Administration;

/// <summary>Plans: staged, shown and committed by the leader of group 0, because only the leader has the status of the nodes.</summary>
internal sealed class PlansService(PlacementCalls calls, PlanMaker plans) : Plans.PlansBase
{
    public override Task<PlanInfo> Stage(StagePlanRequest request, ServerCallContext context)
    {
        if (request.Changes.Count is 0 or > PlacementLimits.StagedMax)
        {
            throw RpcStatus.ToException(Failure.Invalid("changes", $"from 1 to {PlacementLimits.StagedMax}"));
        }

        ImmutableArray<TopologyChange> changes = [.. request.Changes.Select(PlacementWire.ToChange)];
        return RouteAsync(
            deadline => request.DryRun ? plans.ShowAsync(changes, deadline)
                : request.Now ? plans.CommitAsync(changes, deadline)
                : plans.StageAsync(changes, deadline),
            (peer, call) => peer.Plans.StageAsync(request, call),
            context);
    }

    public override Task<PlanInfo> Show(ShowPlanRequest request, ServerCallContext context) =>
        RouteAsync(deadline => plans.ShowAsync([], deadline), (peer, call) => peer.Plans.ShowAsync(request, call), context);

    public override Task<PlanInfo> Commit(CommitPlanRequest request, ServerCallContext context) =>
        RouteAsync(deadline => plans.CommitAsync(null, deadline), (peer, call) => peer.Plans.CommitAsync(request, call), context);

    public override Task<ClearPlanResponse> Clear(ClearPlanRequest request, ServerCallContext context) => calls.ChangeAsync<ClearPlanResponse>(
        new ClearPlan(),
        static outcome => new ClearPlanResponse { Epoch = ((ChangesStaged)outcome).Epoch.Value },
        (peer, call) => peer.Plans.ClearAsync(request, call),
        static (answer, state) => state.Epoch.Value >= answer.Epoch,
        context);

    private Task<PlanInfo> RouteAsync(
        Func<Deadline, Task<Answered<PlanInfo>>> runHere, Func<Peer, CallOptions, AsyncUnaryCall<PlanInfo>> forward, ServerCallContext context) =>
        calls.ChangeAsync(runHere, forward, static (answer, state) => state.Epoch.Value >= answer.Epoch, context);
}
