using KvRaft.Chaos.Checkers;
using KvRaft.Checkers.Tests.Support;

namespace KvRaft.Checkers.Tests.Registers;

public class LinearizabilityTests
{
    [Fact]
    public void An_empty_history_is_linearizable() => Valid(new HistoryBuilder());

    [Fact]
    public void A_read_may_see_a_write_it_overlaps_or_not()
    {
        Valid(new HistoryBuilder().Put(0, "a").Get(1).Saw(1, "a").Ok(0));
        Valid(new HistoryBuilder().Put(0, "a").Get(1).Saw(1, null).Ok(0));
    }

    [Fact]
    public void A_read_after_an_acknowledged_write_must_see_it() =>
        Invalid(new HistoryBuilder().Put(0, "a").Ok(0).Get(1).Saw(1, null));

    [Fact]
    public void Once_a_read_saw_a_write_no_later_read_may_miss_it() =>
        Invalid(new HistoryBuilder().Put(0, "a").Get(1).Saw(1, "a").Get(1).Saw(1, null).Ok(0));

    [Fact]
    public void An_open_write_may_appear_much_later()
    {
        var history = new HistoryBuilder().Put(0, "late").Info(0).Put(1, "b").Ok(1).Get(1).Saw(1, "b").Get(1).Saw(1, "late");
        Valid(history);
        Invalid(history.Get(1).Saw(1, "b"));
    }

    [Fact]
    public void An_open_write_may_never_appear() =>
        Valid(new HistoryBuilder().Put(0, "never").Info(0).Get(1).Saw(1, null).Delete(1).Ok(1));

    [Fact]
    public void An_open_write_takes_effect_once() =>
        Invalid(new HistoryBuilder()
            .Put(0, "x").Info(0)
            .Get(1).Saw(1, "x").Put(1, "b").Ok(1).Get(1).Saw(1, "b").Get(1).Saw(1, "x"));

    [Fact]
    public void An_open_write_does_not_act_before_it_began() =>
        Invalid(new HistoryBuilder().Get(1).Saw(1, "x").Put(0, "x").Info(0));

    [Fact]
    public void A_write_still_running_at_the_end_counts_as_open()
    {
        Valid(new HistoryBuilder().Put(0, "a").Get(1).Saw(1, "a"));
        Valid(new HistoryBuilder().Put(0, "a").Get(1).Saw(1, null));
    }

    [Fact]
    public void A_failed_write_must_not_appear() =>
        Invalid(new HistoryBuilder().Put(0, "a").Fail(0).Get(1).Saw(1, "a"));

    [Fact]
    public void A_cas_is_applied_only_to_the_expected_value()
    {
        Valid(new HistoryBuilder().Put(0, "a").Ok(0).Cas(0, "a", "b").Ok(0).Get(0).Saw(0, "b"));
        Invalid(new HistoryBuilder().Put(0, "a").Ok(0).Cas(0, "z", "b").Ok(0));
    }

    [Fact]
    public void A_cas_creates_and_deletes()
    {
        Valid(new HistoryBuilder().Cas(0, null, "a").Ok(0).Cas(0, "a", null).Ok(0).Get(0).Saw(0, null));
        Invalid(new HistoryBuilder().Cas(0, null, "a").Ok(0).Cas(1, null, "b").Ok(1));
    }

    [Fact]
    public void A_refused_cas_is_an_observation()
    {
        Valid(new HistoryBuilder().Put(0, "a").Ok(0).Cas(0, "b", "c").Mismatch(0));
        Invalid(new HistoryBuilder().Put(0, "a").Ok(0).Cas(0, "a", "c").Mismatch(0));
    }

    [Fact]
    public void A_cas_that_failed_for_another_reason_is_no_observation() =>
        Valid(new HistoryBuilder().Put(0, "a").Ok(0).Cas(0, "a", "c").Fail(0).Get(0).Saw(0, "a"));

    [Fact]
    public void An_open_write_of_a_value_that_was_never_read_can_explain_a_refused_cas()
    {
        Valid(new HistoryBuilder().Put(0, "a").Ok(0).Put(1, "z").Info(1).Cas(0, "a", "c").Mismatch(0));
        Invalid(new HistoryBuilder().Put(0, "a").Ok(0).Put(1, "z").Info(1).Cas(0, "a", "c").Mismatch(0).Get(0).Saw(0, "a"));
    }

    [Fact]
    public void Deleting_an_absent_key_is_fine() => Valid(new HistoryBuilder().Delete(0).Ok(0).Get(0).Saw(0, null));

    [Fact]
    public void A_deleted_value_does_not_come_back() =>
        Invalid(new HistoryBuilder().Put(0, "a").Ok(0).Delete(0).Ok(0).Get(0).Saw(0, "a"));

    [Fact]
    public void Appends_add_up()
    {
        var history = new HistoryBuilder().Append(0, "a").Ok(0).Append(1, "b").Append(2, "c").Ok(1).Ok(2);
        Valid(history.Get(0).Saw(0, "acb"));
        Invalid(history.Get(0).Saw(0, "abc"));
    }

    [Fact]
    public void A_put_with_a_time_to_live_may_expire_but_not_come_back()
    {
        var history = new HistoryBuilder().Put(0, "a", ttlMilliseconds: 5).Ok(0).Get(1).Saw(1, "a").Get(1).Saw(1, null);
        Valid(history);
        Invalid(history.Get(1).Saw(1, "a"));
    }

    [Fact]
    public void Keys_are_judged_alone_and_the_bad_one_is_named()
    {
        var verdict = Linearizability.Check(new HistoryBuilder()
            .Put(0, "a", "good").Ok(0).Put(0, "b", "bad").Ok(0).Get(1, "bad").Saw(1, null).Get(1, "good").Saw(1, "a").Build());
        var finding = Assert.Single(verdict.Findings);
        Assert.Equal("bad", finding.Key);
    }

    [Fact]
    public void Reads_of_another_level_are_left_out() =>
        Valid(new HistoryBuilder().Put(0, "a").Ok(0).Get(1, level: "stale").Saw(1, null));

    [Fact]
    public void Refuses_an_operation_that_registers_do_not_have()
    {
        var history = new HistoryBuilder().Invoke(0, Functions.Add, HistoryValue.Json("1")).Ok(0).Build();
        var fault = Assert.Throws<HistoryFormatException>(() => Linearizability.Check(history));
        Assert.Equal("f", fault.Member);
    }

    [Fact]
    public void A_counter_example_keeps_only_what_matters()
    {
        var history = new HistoryBuilder();
        for (var round = 0; round < 30; round++)
        {
            history.Put(0, $"v{round}").Get(1).Ok(0).Saw(1, $"v{round}").Put(100 + round, $"open{round}").Info(100 + round);
        }

        var finding = Assert.Single(Linearizability.Check(history.Put(0, "new").Ok(0).Get(1).Saw(1, "v7").Put(0, "more").Ok(0).Build()).Findings);
        Assert.Equal(3, finding.Operations.Count);
        Assert.Equal("v7", finding.Operations[0].Result.Content);
        Assert.Contains("p1 get -> \"v7\"", finding.Message);
    }

    [Fact]
    public void A_violation_explains_itself_in_lanes()
    {
        var finding = Assert.Single(Linearizability.Check(new HistoryBuilder().Put(0, "a").Ok(0).Get(1).Saw(1, null).Build()).Findings);
        Assert.Equal("key k: no order explains p1 get -> null; right before it completed the state could only be \"a\"", finding.Message);
        Assert.Equal(
            """
            p0 put "a"      |-|         1.000 ms .. 2.000 ms
            p1 get -> null      |-|     3.000 ms .. 4.000 ms  <- nothing explains this
            2 of the key's 2 operations; the others do not matter.

            """,
            finding.Explanation);
    }

    private static void Valid(HistoryBuilder history) => Assert.Equal(Judgement.Valid, Linearizability.Check(history.Build()).Judgement);

    private static void Invalid(HistoryBuilder history)
    {
        var verdict = Linearizability.Check(history.Build());
        Assert.Equal(Judgement.Violation, verdict.Judgement);
        Assert.Equal(1, verdict.ExitCode);
    }
}
