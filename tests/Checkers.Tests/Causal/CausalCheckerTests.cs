using KvRaft.Chaos.Checkers;
using KvRaft.Checkers.Tests.Support;

namespace KvRaft.Checkers.Tests.Causal;

/// <summary>The limits of the rule; the clear cases are among the recorded histories.</summary>
public class CausalCheckerTests
{
    [Fact]
    public void A_value_that_an_open_write_had_read_may_be_there_or_not()
    {
        Assert.Empty(Check(Replaced(new()).Info(1), []));
        Assert.Empty(Check(Replaced(new()).Info(1), ["a"]));
        Assert.Empty(Check(Replaced(new()).Info(1), ["b"]));
        Assert.Equal(["not-concurrent"], Check(Replaced(new()).Info(1), ["a", "b"]));
    }

    [Fact]
    public void A_refused_write_replaces_nothing()
    {
        Assert.Empty(Check(Replaced(new()).Fail(1), ["a"]));
        Assert.Equal(["lost"], Check(Replaced(new()).Fail(1), []));
        Assert.Equal(["lost", "unexpected"], Check(Replaced(new()).Fail(1), ["b"]));
    }

    [Fact]
    public void A_value_that_was_written_twice_may_return() =>
        Assert.Empty(Check(Put(new(), 0, "a", repeated: true).Invoke(1, Functions.EventualDelete, Json("""{"saw":["a"]}""")).Ok(1, Json("{}")), ["a"]));

    [Fact]
    public void A_delete_that_runs_during_the_final_read_is_no_violation() => Assert.Empty(CausalChecker.Check(
        Put(new(), 0, "a").Invoke(2, Functions.EventualGet, level: "all").Invoke(1, Functions.EventualDelete, Json("""{"saw":["a"]}""")).Ok(1, Json("{}"))
            .Ok(2, Json("""{"values":["a"]}""")).Build()).Anomalies());

    [Fact]
    public void A_certain_read_may_miss_a_write_that_had_not_ended_before_it() => Assert.Empty(CausalChecker.Check(
        new HistoryBuilder().Invoke(0, Functions.EventualPut, Json("""{"write":"a","saw":[]}""")).Invoke(1, Functions.EventualGet)
            .Ok(0, Json("""{"overlaps":true}""")).Ok(1, Json("""{"values":[],"overlaps":true}""")).Build()).Anomalies());

    private static HistoryBuilder Replaced(HistoryBuilder history) =>
        Put(history, 0, "a").Invoke(1, Functions.EventualPut, Json("""{"write":"b","saw":["a"]}"""));

    private static HistoryBuilder Put(HistoryBuilder history, int process, string value, bool repeated = false) =>
        history.Invoke(process, Functions.EventualPut, Json($$"""{"write":"{{value}}","saw":[]}""")).Ok(process, Json(repeated ? """{"repeated":true}""" : "{}"));

    private static string[] Check(HistoryBuilder history, string[] atTheEnd) => CausalChecker.Check(
        history.Invoke(9, Functions.EventualGet, level: "all")
            .Ok(9, Json($$"""{"values":[{{string.Join(',', atTheEnd.Select(static value => $"\"{value}\""))}}]}""")).Build()).Anomalies();

    private static HistoryValue Json(string json) => HistoryValue.Json(json);
}
