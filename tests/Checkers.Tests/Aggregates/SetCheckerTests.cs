using KvRaft.Chaos.Checkers;
using KvRaft.Checkers.Tests.Support;

namespace KvRaft.Checkers.Tests.Aggregates;

public class SetCheckerTests
{
    [Fact]
    public void An_element_may_be_missing_while_its_add_runs() =>
        Assert.Empty(Check(Add(new(), 0, "1").Invoke(1, Functions.Read).Ok(1, Json("[]")).Ok(0).Invoke(1, Functions.Read).Ok(1, Json("[1]"))));

    [Fact]
    public void An_acknowledged_element_missing_from_the_last_read_is_lost() =>
        Assert.Equal(["lost"], Check(Add(new(), 0, "1").Ok(0).Invoke(1, Functions.Read).Ok(1, Json("[1]")).Invoke(1, Functions.Read).Ok(1, Json("[]"))));

    [Fact]
    public void An_open_element_that_was_seen_and_is_gone_is_lost() =>
        Assert.Equal(["lost"], Check(Add(new(), 0, "1").Info(0).Invoke(1, Functions.Read).Ok(1, Json("[1]")).Invoke(1, Functions.Read).Ok(1, Json("[]"))));

    [Fact]
    public void An_open_element_never_seen_is_fine() =>
        Assert.Empty(Check(Add(new(), 0, "1").Info(0).Invoke(1, Functions.Read).Ok(1, Json("[]"))));

    [Fact]
    public void An_element_that_is_missing_and_returns_is_stale_unless_the_read_was_weak()
    {
        Assert.Equal(["stale"], Check(Missing(level: null)));
        Assert.Empty(Check(Missing(level: "stale")));

        static HistoryBuilder Missing(string? level) =>
            Add(new(), 0, "1").Ok(0).Invoke(1, Functions.Read, level: level).Ok(1, Json("[]")).Invoke(1, Functions.Read).Ok(1, Json("[1]"));
    }

    [Fact]
    public void Two_overlapping_reads_may_differ_while_the_add_runs() =>
        Assert.Empty(Check(Add(new(), 0, "1").Invoke(1, Functions.Read).Invoke(2, Functions.Read).Ok(1, Json("[1]")).Ok(2, Json("[]")).Ok(0)));

    [Fact]
    public void An_element_that_was_never_added_or_only_later_is_unexpected()
    {
        Assert.Equal(["unexpected"], Check(Add(new(), 0, "1").Ok(0).Invoke(1, Functions.Read).Ok(1, Json("[1,7]"))));
        Assert.Equal(["unexpected"], Check(Add(new HistoryBuilder().Invoke(1, Functions.Read).Ok(1, Json("[1]")), 0, "1").Ok(0)));
    }

    [Fact]
    public void Text_and_numbers_are_different_elements() =>
        Assert.Equal(["lost", "unexpected"], Check(Add(new(), 0, "1").Ok(0).Invoke(1, Functions.Read).Ok(1, Json("[\"1\"]"))));

    [Fact]
    public void Acknowledged_elements_that_no_read_covers_are_counted()
    {
        var verdict = SetChecker.Check(Add(new(), 0, "1").Ok(0).Build());
        Assert.True(verdict.IsValid);
        Assert.Equal(1, verdict.Figures["never-read"]);
    }

    [Fact]
    public void Thousands_of_losses_are_all_counted_and_few_are_kept()
    {
        var history = new HistoryBuilder();
        for (var element = 0; element < 5_000; element++)
        {
            Add(history, 0, $"{element}").Ok(0);
        }

        var verdict = SetChecker.Check(history.Invoke(1, Functions.Read).Ok(1, Json("[]")).Build());
        Assert.Equal(5_000, verdict.Counts["lost"]);
        Assert.Equal(FindingList.KeptMax, verdict.Findings.Count);
    }

    [Fact]
    public void Refuses_an_element_added_twice() =>
        Assert.Throws<HistoryFormatException>(() => Check(Add(Add(new(), 0, "1").Ok(0), 0, "1").Ok(0)));

    private static HistoryBuilder Add(HistoryBuilder history, int process, string element) => history.Invoke(process, Functions.Add, Json(element));

    private static HistoryValue Json(string json) => HistoryValue.Json(json);

    private static string[] Check(HistoryBuilder history) => SetChecker.Check(history.Build()).Anomalies();
}
