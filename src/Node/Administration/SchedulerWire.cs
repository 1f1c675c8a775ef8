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
            SchedulerKind.ReplaceDead => "creates the replicas of a dead node on other nodes, if those have capacity",
            SchedulerKind.Balance => "moves shards to their places on the ring, also those that were moved by hand",
            SchedulerKind.Drain => "transfers leadership from nodes that are drained or leave",
            SchedulerKind.LeaderBalance => "spreads leadership by weight",
            SchedulerKind.LoadBalance => "transfers leadership of busy shards to nodes with less load",
            _ => "moves the votes of group 0 to nodes that stay",
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
