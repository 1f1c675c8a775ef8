using KvRaft.Chaos.Checkers;
using KvRaft.Checkers.Tests.Support;

namespace KvRaft.Checkers.Tests.Expiry;

/// <summary>The margin is 100 ms, the time to live 1,000 ms; each event takes one millisecond.</summary>
public class TtlCheckerTests
{
    [Theory]
    [InlineData(800, null, "gone-early")]
    [InlineData(900, null, "")]
    [InlineData(1_000, null, "")]
    [InlineData(1_000, "a", "")]
    [InlineData(1_095, "a", "")]
    [InlineData(1_105, "a", "visible-after-expiry")]
    public void A_value_expires_within_the_margin_of_its_time(long waitMilliseconds, string? seen, string anomaly) =>
        Assert.Equal(anomaly, string.Join(',', Check(Put().Ok(0).Wait(waitMilliseconds).Get(1).Saw(1, seen))));

    [Fact]
    public void A_slow_put_may_count_its_time_from_either_end()
    {
        Assert.Empty(Check(Put().Wait(500).Ok(0).Wait(1_050).Get(1).Saw(1, "a")));
        Assert.Empty(Check(Put().Wait(500).Ok(0).Wait(450).Get(1).Saw(1, null)));
    }

    [Fact]
    public void An_open_put_may_start_its_time_whenever_it_takes_effect() =>
        Assert.Empty(Check(Put().Info(0).Wait(5_000).Get(1).Saw(1, "a")));

    [Fact]
    public void Another_update_may_have_removed_it()
    {
        Assert.Empty(Check(Put().Ok(0).Delete(2).Ok(2).Get(1).Saw(1, null)));
        Assert.Empty(Check(Put().Ok(0).Delete(2).Get(1).Saw(1, null)));
        Assert.Empty(Check(new HistoryBuilder().Delete(2).Info(2).Put(0, "a", ttlMilliseconds: 1_000).Ok(0).Get(1).Saw(1, null)));
    }

    [Fact]
    public void Updates_that_ended_before_the_put_excuse_nothing() =>
        Assert.Equal(["gone-early"], Check(new HistoryBuilder().Delete(2).Ok(2).Put(0, "a", ttlMilliseconds: 1_000).Ok(0).Get(1).Saw(1, null)));

    [Fact]
    public void An_expired_value_does_not_return_for_any_margin() =>
        Assert.Equal(["resurrected"], Check(Put().Ok(0).Wait(1_000).Get(1).Saw(1, null).Get(1).Saw(1, "a")));

    [Fact]
    public void A_value_without_a_time_to_live_is_not_checked() =>
        Assert.Empty(Check(new HistoryBuilder().Put(0, "a").Ok(0).Wait(60_000).Get(1).Saw(1, "a").Get(1).Saw(1, null)));

    [Fact]
    public void The_margin_comes_from_the_header() =>
        Assert.Empty(TtlChecker.Check(Put().Ok(0).Wait(1_500).Get(1).Saw(1, "a").WithParameters((TtlOptions.MarginParameter, 2_000)).Build()).Findings);

    [Fact]
    public void Without_a_parameter_half_a_second_early_is_too_early()
    {
        Assert.Equal(["gone-early"], TtlChecker.Check(new HistoryBuilder().Put(0, "a", ttlMilliseconds: 4_000).Ok(0).Wait(3_400).Get(1).Saw(1, null).Build()).Anomalies());
        Assert.Empty(TtlChecker.Check(new HistoryBuilder().Put(0, "a", ttlMilliseconds: 4_000).Ok(0).Wait(3_600).Get(1).Saw(1, null).Build()).Findings);
    }

    [Fact]
    public void A_separate_late_margin_does_not_excuse_an_early_expiry()
    {
        HistoryBuilder Late(HistoryBuilder history) => history.WithParameters((TtlOptions.MarginParameter, 100), (TtlOptions.LateMarginParameter, 2_000));
        Assert.Empty(TtlChecker.Check(Late(Put().Ok(0).Wait(2_500).Get(1).Saw(1, "a")).Build()).Findings);
        Assert.Equal(["gone-early"], TtlChecker.Check(Late(Put().Ok(0).Wait(800).Get(1).Saw(1, null)).Build()).Anomalies());
    }

    [Fact]
    public void The_rate_counts_by_the_time_to_live()
    {
        HistoryBuilder At(long wait) => new HistoryBuilder().Put(0, "a", ttlMilliseconds: 10_000).Ok(0).Wait(wait).Get(1).Saw(1, null)
            .WithParameters((TtlOptions.MarginParameter, 100), (TtlOptions.RateParameter, 100));
        Assert.Equal(["gone-early"], TtlChecker.Check(At(8_800).Build()).Anomalies());
        Assert.Empty(TtlChecker.Check(At(9_000).Build()).Findings);
    }

    /// <summary>
    /// The clock of a shard stands still while the shard has no leader; once it is served again, the clock has the margin to catch up.
    /// </summary>
    [Fact]
    public void A_silence_excuses_a_late_value_for_the_margin_after_it_and_no_longer()
    {
        HistoryBuilder Silent(HistoryBuilder history) => history.WithParameters((TtlOptions.MarginParameter, 100), (TtlOptions.SilenceParameter, 250));
        Assert.Empty(TtlChecker.Check(Silent(Put().Ok(0).Wait(3_000).Get(1).Saw(1, "a").Wait(60).Get(1).Saw(1, "a")).Build()).Findings);
        Assert.Equal(["visible-after-expiry"], TtlChecker.Check(Silent(Put().Ok(0).Wait(3_000).Get(1).Saw(1, "a").Wait(120).Get(1).Saw(1, "a")).Build()).Anomalies());
    }

    private static HistoryBuilder Put() => new HistoryBuilder().Put(0, "a", ttlMilliseconds: 1_000);

    private static string[] Check(HistoryBuilder history) =>
        TtlChecker.Check(history.Build(), new TtlOptions { Margin = TimeSpan.FromMilliseconds(100) }).Anomalies();
}
