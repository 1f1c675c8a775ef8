using KvRaft.V1;

namespace KvRaft.Client.Administration;

/// <content>Membership of nodes, plans, and the moves of a plan.</content>
internal sealed partial class AdminCalls
{
    /// <summary>All nodes, with their state as the leader of group 0 sees it.</summary>
    public Task<ListNodesResponse> ListNodesAsync(CancellationToken cancellationToken = default) =>
        AnyNodeAsync("LIST_NODES", isWrite: false, (node, call) => node.Nodes.ListAsync(new ListNodesRequest(), call), cancellationToken);

    /// <summary>
    /// Drains a node: it leads no group and serves no reads, and keeps its replicas. Returns when the drain is agreed, not when it is complete.
    /// </summary>
    /// <exception cref="KvException">Reason INVALID_REQUEST with an explanation, among others.</exception>
    public Task<NodeAnswer> DrainNodeAsync(string node, bool undrain = false, CancellationToken cancellationToken = default)
    {
        var request = new DrainRequest { NodeId = node, Undrain = undrain };
        return RepeatAsync("DRAIN_NODE", (to, call) => to.Nodes.DrainAsync(request, call), cancellationToken);
    }

    /// <summary>Stages changes for the next plan, and returns a preview of the plan.</summary>
    public Task<PlanInfo> StageAsync(IEnumerable<PlanChange> changes, CancellationToken cancellationToken = default)
    {
        var request = new StagePlanRequest { Changes = { changes } };
        return RepeatAsync("STAGE_PLAN", (to, call) => to.Plans.StageAsync(request, call), cancellationToken);
    }

    /// <summary>A preview of the plan from the given changes and the staged ones; nothing is changed.</summary>
    public Task<PlanInfo> TryPlanAsync(IEnumerable<PlanChange> changes, CancellationToken cancellationToken = default)
    {
        var request = new StagePlanRequest { Changes = { changes }, DryRun = true };
        return AnyNodeAsync("TRY_PLAN", isWrite: false, (to, call) => to.Plans.StageAsync(request, call), cancellationToken);
    }

    /// <summary>Commits the given changes at once; the staged changes stay staged.</summary>
    /// <exception cref="KvException">Reason INVALID_REQUEST while the moves of an earlier plan are not complete, among others.</exception>
    public Task<PlanInfo> CommitPlanAsync(IEnumerable<PlanChange> changes, CancellationToken cancellationToken = default)
    {
        var request = new StagePlanRequest { Changes = { changes }, Now = true };
        return AnyNodeAsync("COMMIT_PLAN", isWrite: true, (to, call) => to.Plans.StageAsync(request, call), cancellationToken);
    }

    /// <summary>Commits the staged changes.</summary>
    public Task<PlanInfo> CommitPlanAsync(CancellationToken cancellationToken = default) =>
        AnyNodeAsync("COMMIT_PLAN", isWrite: true, (to, call) => to.Plans.CommitAsync(new CommitPlanRequest(), call), cancellationToken);

    /// <summary>A preview of the plan from the staged changes.</summary>
    public Task<PlanInfo> ShowPlanAsync(CancellationToken cancellationToken = default) =>
        AnyNodeAsync("SHOW_PLAN", isWrite: false, (to, call) => to.Plans.ShowAsync(new ShowPlanRequest(), call), cancellationToken);

    /// <summary>Discards the staged changes.</summary>
    public Task<ClearPlanResponse> ClearPlanAsync(CancellationToken cancellationToken = default) =>
        RepeatAsync("CLEAR_PLAN", (to, call) => to.Plans.ClearAsync(new ClearPlanRequest(), call), cancellationToken);

    /// <summary>
    /// The waiting moves, with the reason why each waits, and the running moves; with <paramref name="history"/> the ended moves, newest first.
    /// </summary>
    public Task<ListOperatorsResponse> ListOperatorsAsync(bool history = false, CancellationToken cancellationToken = default) =>
        AnyNodeAsync(
            "LIST_OPERATORS", isWrite: false,
            (to, call) => to.Operators.ListAsync(new ListOperatorsRequest { History = history }, call), cancellationToken);

    /// <summary>Drops a waiting move, or reverts a running one; 0: all of them.</summary>
    public Task<OperatorAnswer> CancelOperatorAsync(long number, CancellationToken cancellationToken = default) =>
        RepeatAsync(
            "CANCEL_OPERATOR",
            (to, call) => to.Operators.CancelAsync(new CancelOperatorRequest { Number = number }, call), cancellationToken);

    /// <summary>Pauses a waiting move, or resumes it; 0: all of them, including future ones.</summary>
    public Task<OperatorAnswer> HoldOperatorAsync(long number, bool resume = false, CancellationToken cancellationToken = default) =>
        RepeatAsync(
            "HOLD_OPERATOR",
            (to, call) => to.Operators.HoldAsync(new HoldOperatorRequest { Number = number, Resume = resume }, call), cancellationToken);

    /// <summary>The automatic schedulers of the placement.</summary>
    public Task<ListSchedulersResponse> ListSchedulersAsync(CancellationToken cancellationToken = default) =>
        AnyNodeAsync("LIST_SCHEDULERS", isWrite: false, (to, call) => to.Schedulers.ListAsync(new ListSchedulersRequest(), call), cancellationToken);

    /// <summary>Pauses a scheduler for a duration, or until it is resumed. Actions that it has started continue.</summary>
    /// <exception cref="KvException">Reason INVALID_REQUEST if there is no scheduler of that name, among others.</exception>
    public Task<SchedulerAnswer> PauseSchedulerAsync(string name, TimeSpan? duration = null, CancellationToken cancellationToken = default)
    {
        var request = new PauseSchedulerRequest { Name = name, ForMs = (long)(duration ?? TimeSpan.Zero).TotalMilliseconds };
        return RepeatAsync("PAUSE_SCHEDULER", (to, call) => to.Schedulers.PauseAsync(request, call), cancellationToken);
    }

    /// <summary>Resumes a scheduler.</summary>
    /// <exception cref="KvException">Reason INVALID_REQUEST if there is no scheduler of that name, among others.</exception>
    public Task<SchedulerAnswer> ResumeSchedulerAsync(string name, CancellationToken cancellationToken = default) =>
        RepeatAsync(
            "RESUME_SCHEDULER",
            (to, call) => to.Schedulers.ResumeAsync(new ResumeSchedulerRequest { Name = name }, call), cancellationToken);

    /// <summary>The settings of the placement driver, and the current copy rate of the nodes.</summary>
    public Task<SchedulerConfig> GetSchedulerConfigAsync(CancellationToken cancellationToken = default) =>
        AnyNodeAsync("GET_SCHEDULER_CONFIG", isWrite: false, (to, call) => to.Schedulers.GetConfigAsync(new GetSchedulerConfigRequest(), call), cancellationToken);

    /// <summary>Changes the settings that are set in the request; the others keep their values.</summary>
    /// <exception cref="KvException">Reason INVALID_REQUEST if a value is out of bounds, among others.</exception>
    public Task<SchedulerConfig> SetSchedulerConfigAsync(SetSchedulerConfigRequest request, CancellationToken cancellationToken = default) =>
        RepeatAsync("SET_SCHEDULER_CONFIG", (to, call) => to.Schedulers.SetConfigAsync(request, call), cancellationToken);

    /// <summary>The ring that places shards on nodes.</summary>
    public Task<RingInfo> ShowRingAsync(CancellationToken cancellationToken = default) =>
        AnyNodeAsync("SHOW_RING", isWrite: false, (to, call) => to.Ring.ShowAsync(new ShowRingRequest(), call), cancellationToken);

    /// <summary>The changes of the ring between two epochs.</summary>
    /// <param name="fromEpoch">0: compares the current ring with the staged plan.</param>
    /// <param name="toEpoch">0: the current epoch.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="KvException">Reason INVALID_REQUEST if an epoch is before the first one of the history, among others.</exception>
    public Task<RingDiff> DiffRingAsync(long fromEpoch = 0, long toEpoch = 0, CancellationToken cancellationToken = default)
    {
        var request = new DiffRingRequest { FromEpoch = fromEpoch, ToEpoch = toEpoch };
        return AnyNodeAsync("DIFF_RING", isWrite: false, (to, call) => to.Ring.DiffAsync(request, call), cancellationToken);
    }
}
