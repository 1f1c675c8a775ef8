using KvRaft.Chaos.Checkers;
using KvRaft.Checkers.Tests.Support;

namespace KvRaft.Checkers.Tests.Availability;

public class AvailabilityCheckerTests
{
    [Fact]
    public void Measures_shares_by_window_of_the_completion()
    {
        var history = new HistoryBuilder().Put(0, "a").Ok(0).Get(1).Wait(1_000).Fail(1).Get(1).Saw(1, "a").Wait(1_000).Put(0, "b").Build();
        var report = AvailabilityChecker.Measure(history);
        Assert.Equal([new(0, 1, 1), new(1_000_000_000, 2, 1), new(2_000_000_000, 1, 0)], report.Windows);
        Assert.Equal(0.5, report.Share);
        Assert.Null(new AvailabilityWindow(0, 0, 0).Share);
    }

    [Fact]
    public void A_refused_cas_is_an_answer()
    {
        var report = AvailabilityChecker.Measure(new HistoryBuilder().Cas(0, "a", "b").Mismatch(0).Build());
        Assert.Equal(1, report.Share);
    }

    [Fact]
    public void Finds_the_longest_gap_also_at_the_edges()
    {
        var history = new HistoryBuilder().Put(0, "a").Ok(0).Wait(100).Put(0, "b").Ok(0).Wait(300).Get(1).Fail(1).Build();
        var report = AvailabilityChecker.Measure(history);
        Assert.Equal(TimeSpan.FromMilliseconds(302), report.LongestGap);
        Assert.Equal(104_000_000, report.LongestGapStartNanoseconds);
    }

    [Fact]
    public void Recovery_counts_from_the_mark_to_the_end_of_what_began_after_it()
    {
        var history = new HistoryBuilder().Put(0, "a").Mark("kill n1").Ok(0).Wait(50).Get(1).Saw(1, "a").Wait(200).Put(0, "b").Ok(0).Build();
        var recovery = Assert.Single(AvailabilityChecker.Measure(history).Recoveries);
        Assert.Equal(TimeSpan.FromMilliseconds(53), recovery.FirstAnswer);
        Assert.Equal(TimeSpan.FromMilliseconds(255), recovery.FirstWrite);
    }

    [Fact]
    public void Convicts_only_by_the_bounds_it_is_given()
    {
        var history = new HistoryBuilder().Mark("kill n1").Put(0, "a").Wait(900).Fail(0).Build();
        Assert.True(AvailabilityChecker.Check(history).IsValid);
        var options = new AvailabilityOptions
        {
            GapMax = TimeSpan.FromMilliseconds(500),
            RecoveryMax = TimeSpan.FromMilliseconds(500),
            ShareMin = 0.5,
        };
        Assert.Equal(["long-gap", "low-share", "slow-recovery"], AvailabilityChecker.Check(history, options).Anomalies());
    }

    [Fact]
    public void An_empty_history_has_no_windows() => Assert.Empty(AvailabilityChecker.Measure(new HistoryBuilder().Build()).Windows);
}
