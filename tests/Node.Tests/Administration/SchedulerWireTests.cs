using KvRaft.Node.Administration;
using KvRaft.Placement.State;

namespace KvRaft.Node.Tests.Administration;

public sealed class SchedulerWireTests
{
    [Fact]
    public void Every_scheduler_has_a_name_of_its_own_and_is_found_by_it()
    {
        Assert.Equal(["replace-dead", "balance", "drain", "leader-balance", "seats", "load-balance"], SchedulerWire.Names);
        Assert.All(Enum.GetValues<SchedulerKind>(), scheduler => Assert.Equal(scheduler, SchedulerWire.KindOf(SchedulerWire.NameOf(scheduler))));
        Assert.Null(SchedulerWire.KindOf("moves"));
    }

    [Fact]
    public void A_pause_is_shown_as_long_as_it_lasts()
    {
        var settings = PlacementSettings.Default with { Paused = [new PausedScheduler(SchedulerKind.Drain, 1000), new PausedScheduler(SchedulerKind.Group0Voters, 0)] };
        var drain = SchedulerWire.ToWire(SchedulerKind.Drain, settings, "did this", 999);
        Assert.Equal((true, 1000, "did this"), (drain.Paused, drain.PausedUntilMs, drain.Note));
        drain = SchedulerWire.ToWire(SchedulerKind.Drain, settings, "", 1000);
        Assert.Equal((false, 0), (drain.Paused, drain.PausedUntilMs));
        var seats = SchedulerWire.ToWire(SchedulerKind.Group0Voters, settings, "", 1000);
        Assert.Equal((true, 0), (seats.Paused, seats.PausedUntilMs));
    }
}
