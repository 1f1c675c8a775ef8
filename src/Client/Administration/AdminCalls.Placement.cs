using KvRaft.V1;

namespace KvRaft.Client.Administration;

/// <content>Nodes that come and go, plans, and the moves they are made of.</content>
internal sealed partial class AdminCalls
{
    /// <summary>All nodes, as the leader of the placement driver hears them.</summary>
    public Task<ListNodesResponse> ListNodesAsync(CancellationToken cancellationToken = default) =>
        AnyNodeAsync("LIST_NODES", isWrite: false, (node, call) => node.Nodes.ListAsync(new ListNodesRequest(), call), cancellationToken);

    /// <summary>Has a node lead nothing and not be read from; it keeps its replicas. Answers when that is agreed on, not when it is so.</summary>
    /// <exception cref="KvException">Reason INVALID_REQUEST with what is wrong, among others.</exception>
    public Task<NodeAnswer> DrainNodeAsync(string node, bool undrain = false, CancellationToken cancellationToken = default)
    {
        var request = new DrainRequest { NodeId = node, Undrain = undrain };
        return RepeatAsync("DRAIN_NODE", (to, call) => to.Nodes.DrainAsync(request, call), cancellationToken);
    }

    /// <summary>Adds changes to what is staged for the next plan, and answers the plan as it would be.</summary>
    public Task<PlanInfo> StageAsync(IEnumerable<PlanChange> changes, CancellationToken cancellationToken = default)
    {
        var request = new StagePlanRequest { Changes = { changes } };
        return RepeatAsync("STAGE_PLAN", (to, call) => to.Plans.StageAsync(request, call), cancellationToken);
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
        RepeatAsync("CLEAR_PLAN", (to, call) => to.Plans.ClearAsync(new ClearPlanRequest(), call), cancellationToken);

    /// <summary>The moves that wait, and why, and those that run; with history those that ended, the newest first.</summary>
    public Task<ListOperatorsResponse> ListOperatorsAsync(bool history = false, CancellationToken cancellationToken = default) =>
        AnyNodeAsync(
            "LIST_OPERATORS", isWrite: false,
            (to, call) => to.Operators.ListAsync(new ListOperatorsRequest { History = history }, call), cancellationToken);

    /// <summary>Has a move that waits dropped, or one that runs undone; 0: all of them.</summary>
    public Task<OperatorAnswer> CancelOperatorAsync(long number, CancellationToken cancellationToken = default) =>
        RepeatAsync(
            "CANCEL_OPERATOR",
            (to, call) => to.Operators.CancelAsync(new CancelOperatorRequest { Number = number }, call), cancellationToken);

    /// <summary>Has a move that waits go on waiting, or lets it go on; 0: all of them, also those to come.</summary>
    public Task<OperatorAnswer> HoldOperatorAsync(long number, bool resume = false, CancellationToken cancellationToken = default) =>
        RepeatAsync(
            "HOLD_OPERATOR",
            (to, call) => to.Operators.HoldAsync(new HoldOperatorRequest { Number = number, Resume = resume }, call), cancellationToken);

    /// <summary>Who acts on the placement of its own accord.</summary>
    public Task<ListSchedulersResponse> ListSchedulersAsync(CancellationToken cancellationToken = default) =>
        AnyNodeAsync("LIST_SCHEDULERS", isWrite: false, (to, call) => to.Schedulers.ListAsync(new ListSchedulersRequest(), call), cancellationToken);

    /// <summary>Has a scheduler do nothing until it is resumed, or for a while. What it has begun goes on.</summary>
    /// <exception cref="KvException">Reason INVALID_REQUEST if there is none of that name, among others.</exception>
    public Task<SchedulerAnswer> PauseSchedulerAsync(string name, TimeSpan? duration = null, CancellationToken cancellationToken = default)
    {
        var request = new PauseSchedulerRequest { Name = name, ForMs = (long)(duration ?? TimeSpan.Zero).TotalMilliseconds };
        return RepeatAsync("PAUSE_SCHEDULER", (to, call) => to.Schedulers.PauseAsync(request, call), cancellationToken);
    }

    /// <summary>Lets a scheduler go on.</summary>
    /// <exception cref="KvException">Reason INVALID_REQUEST if there is none of that name, among others.</exception>
    public Task<SchedulerAnswer> ResumeSchedulerAsync(string name, CancellationToken cancellationToken = default) =>
        RepeatAsync(
            "RESUME_SCHEDULER",
            (to, call) => to.Schedulers.ResumeAsync(new ResumeSchedulerRequest { Name = name }, call), cancellationToken);

    /// <summary>How the placement driver works, and how fast nodes may copy just now.</summary>
    public Task<SchedulerConfig> GetSchedulerConfigAsync(CancellationToken cancellationToken = default) =>
        AnyNodeAsync("GET_SCHEDULER_CONFIG", isWrite: false, (to, call) => to.Schedulers.GetConfigAsync(new GetSchedulerConfigRequest(), call), cancellationToken);

    /// <summary>Changes what is set in the request, and leaves the rest.</summary>
    /// <exception cref="KvException">Reason INVALID_REQUEST if a value is out of bounds, among others.</exception>
    public Task<SchedulerConfig> SetSchedulerConfigAsync(SetSchedulerConfigRequest request, CancellationToken cancellationToken = default) =>
        RepeatAsync("SET_SCHEDULER_CONFIG", (to, call) => to.Schedulers.SetConfigAsync(request, call), cancellationToken);

    /// <summary>The ring that places shards on nodes.</summary>
    public Task<RingInfo> ShowRingAsync(CancellationToken cancellationToken = default) =>
        AnyNodeAsync("SHOW_RING", isWrite: false, (to, call) => to.Ring.ShowAsync(new ShowRingRequest(), call), cancellationToken);

    /// <summary>What became of the ring between two epochs.</summary>
    /// <param name="fromEpoch">0: what the staged plan would make of it.</param>
    /// <param name="toEpoch">0: the present.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="KvException">Reason INVALID_REQUEST before the record begins, among others.</exception>
    public Task<RingDiff> DiffRingAsync(long fromEpoch = 0, long toEpoch = 0, CancellationToken cancellationToken = default)
    {
        var request = new DiffRingRequest { FromEpoch = fromEpoch, ToEpoch = toEpoch };
        return AnyNodeAsync("DIFF_RING", isWrite: false, (to, call) => to.Ring.DiffAsync(request, call), cancellationToken);
    }
}
