using KvRaft.Placement.State;
using KvRaft.V1;

namespace KvRaft.Node.Administration;

/// <summary>Translates schedulers to messages of the wire and back. Pure.</summary>
internal static class SchedulerWire
{
    public static IEnumerable<string> Names => Enum.GetValues<SchedulerKind>().Select(NameOf);

    public static string NameOf(SchedulerKind scheduler) => scheduler switch
    {
        SchedulerKind.ReplaceDead => "replace-dead",
        SchedulerKind.Balance => "balance",
        SchedulerKind.Drain => "drain",
        SchedulerKind.LeaderBalance => "leader-balance",
        SchedulerKind.LoadBalance => "load-balance",
        _ => "seats",
    };

    public static SchedulerKind? KindOf(string name) =>
        Enum.GetValues<SchedulerKind>().Where(scheduler => NameOf(scheduler) == name).Select(static scheduler => (SchedulerKind?)scheduler).FirstOrDefault();

    public static SchedulerInfo ToWire(SchedulerKind scheduler, PlacementSettings settings, string note, long nowMs) => new()
    {
        Name = NameOf(scheduler),
        Does = scheduler switch
        {
            SchedulerKind.ReplaceDead => "makes the replicas of a node that is dead elsewhere, if the others can hold them",
            SchedulerKind.Balance => "moves shards to where the ring wants them, also those that were moved by hand",
            SchedulerKind.Drain => "hands leadership over from nodes that are drained or leave",
            SchedulerKind.LeaderBalance => "spreads leadership by weight",
            SchedulerKind.LoadBalance => "hands leadership of busy shards to nodes that are asked less",
            _ => "gives the votes of group 0 to nodes that stay",
        },
        Paused = settings.IsPaused(scheduler, nowMs),
        PausedUntilMs = settings.Paused.FirstOrDefault(paused => paused.Scheduler == scheduler).UntilMs is var until && until > nowMs ? until : 0,
        Note = note,
    };

    public static SchedulerConfig ToWire(PlacementSettings settings) => new()
    {
        CopyMegabytesPerSecond = settings.CopyMegabytes,
        ForegroundP99Ms = settings.ForegroundP99Ms,
        MovesAtOnce = settings.MovesAtOnce,
        MovesAtOncePerNode = settings.MovesAtOncePerNode,
    };
}
