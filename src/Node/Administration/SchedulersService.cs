using Grpc.Core;
using KvRaft.Node.Cluster;
using KvRaft.Node.Control;
using KvRaft.Node.Requests;
using KvRaft.Placement.State;
using KvRaft.V1;

namespace KvRaft.Node.Administration;

/// <summary>The automatic schedulers, and the settings of the placement driver; the leader of group 0 shows and changes them.</summary>
internal sealed class SchedulersService(PlacementCalls calls, PlanMaker plans, SchedulerNotes notes, CopyPacer pacer, TimeProvider time)
    : Schedulers.SchedulersBase
{
    public override Task<ListSchedulersResponse> List(ListSchedulersRequest request, ServerCallContext context) =>
        calls.LookAsync(ListHereAsync, (peer, call) => peer.Schedulers.ListAsync(request, call), context);

    public override Task<SchedulerAnswer> Pause(PauseSchedulerRequest request, ServerCallContext context)
    {
        var scheduler = ToKind(request.Name);
        if (request.ForMs is < 0 or > PlacementLimits.TtlMsMax)
        {
            throw RpcStatus.ToException(Failure.Invalid("for_ms", $"from 0 to {PlacementLimits.TtlMsMax}"));
        }

        var untilMs = request.ForMs == 0 ? 0 : NowMs + request.ForMs;
        return ChangeAsync(
            new PauseScheduler(scheduler, Pause: true, untilMs), (peer, call) => peer.Schedulers.PauseAsync(request, call), scheduler, context);
    }

    public override Task<SchedulerAnswer> Resume(ResumeSchedulerRequest request, ServerCallContext context)
    {
        var scheduler = ToKind(request.Name);
        return ChangeAsync(new PauseScheduler(scheduler, Pause: false), (peer, call) => peer.Schedulers.ResumeAsync(request, call), scheduler, context);
    }

    public override Task<SchedulerConfig> GetConfig(GetSchedulerConfigRequest request, ServerCallContext context) =>
        calls.LookAsync(ConfigHereAsync, (peer, call) => peer.Schedulers.GetConfigAsync(request, call), context);

    public override Task<SchedulerConfig> SetConfig(SetSchedulerConfigRequest request, ServerCallContext context)
    {
        var change = new ChangeSettings
        {
            CopyMegabytes = request.HasCopyMegabytesPerSecond ? request.CopyMegabytesPerSecond : null,
            ForegroundP99Ms = request.HasForegroundP99Ms ? request.ForegroundP99Ms : null,
            MovesAtOnce = request.HasMovesAtOnce ? request.MovesAtOnce : null,
            MovesAtOncePerNode = request.HasMovesAtOncePerNode ? request.MovesAtOncePerNode : null,
        };
        if (new[] { change.CopyMegabytes, change.ForegroundP99Ms, change.MovesAtOnce, change.MovesAtOncePerNode }.Any(static value => value < 0))
        {
            throw RpcStatus.ToException(Failure.Invalid("config", "no setting is negative"));
        }

        return calls.ChangeAsync<SchedulerConfig>(
            change,
            outcome => ToWire(((SettingsChanged)outcome).Settings, ((SettingsChanged)outcome).Epoch.Value),
            (peer, call) => peer.Schedulers.SetConfigAsync(request, call),
            static (answer, state) => state.Epoch.Value >= answer.Epoch,
            context);
    }

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    private Task<SchedulerAnswer> ChangeAsync(
        PauseScheduler command, Func<Peer, CallOptions, AsyncUnaryCall<SchedulerAnswer>> forward, SchedulerKind scheduler, ServerCallContext context) =>
        calls.ChangeAsync<SchedulerAnswer>(
            command,
            outcome => new SchedulerAnswer
            {
                Epoch = ((SettingsChanged)outcome).Epoch.Value,
                Scheduler = SchedulerWire.ToWire(scheduler, ((SettingsChanged)outcome).Settings, notes.Of(scheduler), NowMs),
            },
            forward,
            static (answer, state) => state.Epoch.Value >= answer.Epoch,
            context);

    private async Task<Answered<ListSchedulersResponse>> ListHereAsync(Deadline deadline)
    {
        if (await plans.LookAsync(deadline) is not { } sight)
        {
            return PlanMaker.NotLed;
        }

        var response = new ListSchedulersResponse { Epoch = sight.State.Epoch.Value };
        response.Schedulers.Add(Enum.GetValues<SchedulerKind>()
            .Select(scheduler => SchedulerWire.ToWire(scheduler, sight.State.Operations.Settings, notes.Of(scheduler), NowMs)));
        return response;
    }

    private async Task<Answered<SchedulerConfig>> ConfigHereAsync(Deadline deadline) => await plans.LookAsync(deadline) is { } sight
        ? ToWire(sight.State.Operations.Settings, sight.State.Epoch.Value)
        : PlanMaker.NotLed;

    private SchedulerConfig ToWire(PlacementSettings settings, long epoch)
    {
        var config = SchedulerWire.ToWire(settings);
        config.Epoch = epoch;
        config.CopyBytesPerSecondNow = pacer.BytesPerSecond > 0 ? Math.Min(pacer.BytesPerSecond, settings.CopyBytesPerSecond) : settings.CopyBytesPerSecond;
        config.CopyNote = pacer.WhySlow ?? "";
        return config;
    }

    private static SchedulerKind ToKind(string name) => SchedulerWire.KindOf(name)
        ?? throw RpcStatus.ToException(Failure.Invalid("name", $"there is no scheduler '{name}'; there are {string.Join(", ", SchedulerWire.Names)}"));
}
