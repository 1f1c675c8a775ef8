using KvRaft.V1;

namespace KvRaft.Client;

/// <content>Nodes that come and go, plans, and the moves they are made of.</content>
public sealed partial class KvAdministration
{
    /// <summary>All nodes, as the leader of the placement driver hears them.</summary>
    public Task<ListNodesResponse> ListNodesAsync(CancellationToken cancellationToken = default) =>
        AnyNodeAsync("LIST_NODES", isWrite: false, (node, call) => node.Nodes.ListAsync(new ListNodesRequest(), call), cancellationToken);

    /// <summary>Has a node lead nothing and not be read from; it keeps its replicas. Answers when that is agreed on, not when it is so.</summary>
    /// <exception cref="KvException">Reason INVALID_REQUEST with what is wrong, among others.</exception>
    public Task<NodeAnswer> DrainNodeAsync(string node, bool undrain = false, CancellationToken cancellationToken = default)
    {
        var request = new DrainRequest { NodeId = node, Undrain = undrain };
        return AnyNodeAsync("DRAIN_NODE", isWrite: false, (to, call) => to.Nodes.DrainAsync(request, call), cancellationToken);
    }

    /// <summary>Adds changes to what is staged for the next plan, and answers the plan as it would be.</summary>
    public Task<PlanInfo> StageAsync(IEnumerable<PlanChange> changes, CancellationToken cancellationToken = default)
    {
        var request = new StagePlanRequest { Changes = { changes } };
        return AnyNodeAsync("STAGE_PLAN", isWrite: false, (to, call) => to.Plans.StageAsync(request, call), cancellationToken);
    }

    /// <summary>The plan as changes would make it, together with what is staged; nothing happens.</summary>
    public Task<PlanInfo> TryPlanAsync(IEnumerable<PlanChange> changes, CancellationToken cancellationToken = default)
    {
        var request = new StagePlanRequest { Changes = { changes }, DryRun = true };
        return AnyNodeAsync("TRY_PLAN", isWrite: false, (to, call) => to.Plans.StageAsync(request, call), cancellationToken);
    }

    /// <summary>Commits changes at once; what is staged stays so.</summary>
    /// <exception cref="KvException">Reason INVALID_REQUEST while the moves of an earlier plan are not done, among others.</exception>
    public Task<PlanInfo> CommitPlanAsync(IEnumerable<PlanChange> changes, CancellationToken cancellationToken = default)
    {
        var request = new StagePlanRequest { Changes = { changes }, Now = true };
        return AnyNodeAsync("COMMIT_PLAN", isWrite: true, (to, call) => to.Plans.StageAsync(request, call), cancellationToken);
    }

    /// <summary>Commits what is staged.</summary>
    public Task<PlanInfo> CommitPlanAsync(CancellationToken cancellationToken = default) =>
        AnyNodeAsync("COMMIT_PLAN", isWrite: true, (to, call) => to.Plans.CommitAsync(new CommitPlanRequest(), call), cancellationToken);

    /// <summary>The plan as it would be now.</summary>
    public Task<PlanInfo> ShowPlanAsync(CancellationToken cancellationToken = default) =>
        AnyNodeAsync("SHOW_PLAN", isWrite: false, (to, call) => to.Plans.ShowAsync(new ShowPlanRequest(), call), cancellationToken);

    /// <summary>Forgets what is staged.</summary>
    public Task<ClearPlanResponse> ClearPlanAsync(CancellationToken cancellationToken = default) =>
        AnyNodeAsync("CLEAR_PLAN", isWrite: false, (to, call) => to.Plans.ClearAsync(new ClearPlanRequest(), call), cancellationToken);

    /// <summary>The moves that wait, and why, and those that run; with history those that ended, the newest first.</summary>
    public Task<ListOperatorsResponse> ListOperatorsAsync(bool history = false, CancellationToken cancellationToken = default) =>
        AnyNodeAsync(
            "LIST_OPERATORS", isWrite: false,
            (to, call) => to.Operators.ListAsync(new ListOperatorsRequest { History = history }, call), cancellationToken);

    /// <summary>Has a move that waits dropped, or one that runs undone; 0: all of them.</summary>
    public Task<OperatorAnswer> CancelOperatorAsync(long number, CancellationToken cancellationToken = default) =>
        AnyNodeAsync(
            "CANCEL_OPERATOR", isWrite: false,
            (to, call) => to.Operators.CancelAsync(new CancelOperatorRequest { Number = number }, call), cancellationToken);

    /// <summary>Has a move that waits go on waiting, or lets it go on; 0: all of them, also those to come.</summary>
    public Task<OperatorAnswer> HoldOperatorAsync(long number, bool resume = false, CancellationToken cancellationToken = default) =>
        AnyNodeAsync(
            "HOLD_OPERATOR", isWrite: false,
            (to, call) => to.Operators.HoldAsync(new HoldOperatorRequest { Number = number, Resume = resume }, call), cancellationToken);
}
