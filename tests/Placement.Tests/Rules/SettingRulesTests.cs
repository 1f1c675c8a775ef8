using KvRaft.Placement.Rules;
using KvRaft.Placement.State;

namespace KvRaft.Placement.Tests.Rules;

public class SettingRulesTests
{
    [Fact]
    public void Only_the_given_settings_change()
    {
        var state = SomeCommands.After(SomeCommands.Init, new ChangeSettings { CopyMegabytes = 32 }, new ChangeSettings { MovesAtOnce = 1 });
        Assert.Equal(PlacementSettings.Default with { CopyMegabytes = 32, MovesAtOnce = 1 }, state.Operations.Settings);
        Assert.Equal(3, state.Epoch.Value);
    }

    [Fact]
    public void The_same_again_changes_nothing()
    {
        var state = SomeCommands.After(SomeCommands.Init, new ChangeSettings { CopyMegabytes = 32 }, new PauseScheduler(SchedulerKind.Drain, Pause: true, 7));
        foreach (var command in new PlacementCommand[] { new ChangeSettings { CopyMegabytes = 32 }, new ChangeSettings(), new PauseScheduler(SchedulerKind.Drain, Pause: true, 7) })
        {
            var (again, outcome) = PlacementRules.Apply(state, command);
            Assert.Same(state, again);
            Assert.Equal(state.Epoch, Assert.IsType<SettingsChanged>(outcome).Epoch);
        }
    }

    [Fact]
    public void Invalid_commands_are_refused_with_the_reason()
    {
        AssertRefused("0 MB/s is not from 1 to 100000", new ChangeSettings { CopyMegabytes = 0 });
        AssertRefused("60001 ms is not from 0 to 60000", new ChangeSettings { ForegroundP99Ms = 60_001 });
        AssertRefused("0 moves at once are not from 1 to 1000", new ChangeSettings { MovesAtOnce = 0 });
        AssertRefused("1001 moves at once of a node are not from 1 to 1000", new ChangeSettings { MovesAtOncePerNode = 1001 });
        AssertRefused("there is no scheduler 9", new PauseScheduler((SchedulerKind)9, Pause: true));

        static void AssertRefused(string why, PlacementCommand command)
        {
            var (state, outcome) = PlacementRules.Apply(SomeCommands.Founded(), command);
            Assert.Equal(why, Assert.IsType<PlacementRefused>(outcome).Message);
            Assert.Equal(SomeCommands.Founded(), state);
        }
    }

    [Fact]
    public void A_pause_ends_at_its_time_or_when_it_is_resumed_and_balance_is_paused_at_first()
    {
        var state = SomeCommands.After(SomeCommands.Init, new PauseScheduler(SchedulerKind.Drain, Pause: true, 1000), new PauseScheduler(SchedulerKind.Group0Voters, Pause: true));
        Assert.True(state.Operations.Settings.IsPaused(SchedulerKind.Drain, 999));
        Assert.False(state.Operations.Settings.IsPaused(SchedulerKind.Drain, 1000));
        Assert.True(state.Operations.Settings.IsPaused(SchedulerKind.Group0Voters, long.MaxValue));
        Assert.True(state.Operations.Settings.IsPaused(SchedulerKind.Balance, 0));
        Assert.False(state.Operations.Settings.IsPaused(SchedulerKind.ReplaceDead, 0));
        var resumed = PlacementRules.Apply(state, new PauseScheduler(SchedulerKind.Balance, Pause: false)).State;
        Assert.False(resumed.Operations.Settings.IsPaused(SchedulerKind.Balance, 0));
        Assert.True(resumed.Operations.Settings.IsPaused(SchedulerKind.Group0Voters, 0));
    }
}
