using CsCheck;
using KvRaft.Chaos.Checkers;
using KvRaft.Checkers.Tests.Support;

namespace KvRaft.Checkers.Tests.Aggregates;

public class CounterCheckerTests
{
    [Fact]
    public void A_read_may_see_increments_it_overlaps_or_not()
    {
        Assert.Empty(Check(Increment(Start(), 0, 1).Invoke(1, Functions.Read).Ok(1, Number(0)).Ok(0)));
        Assert.Empty(Check(Increment(Start(), 0, 1).Invoke(1, Functions.Read).Ok(1, Number(1)).Ok(0)));
        Assert.Equal(["extra-increment"], Check(Increment(Start(), 0, 1).Invoke(1, Functions.Read).Ok(1, Number(2)).Ok(0)));
    }

    [Fact]
    public void An_acknowledged_increment_must_be_seen() =>
        Assert.Equal(["lost-increment"], Check(Increment(Start(), 0, 4).Ok(0).Invoke(1, Functions.Read).Ok(1, Number(3))));

    [Fact]
    public void A_failed_increment_must_not_be_seen() =>
        Assert.Equal(["extra-increment"], Check(Increment(Start(), 0, 4).Fail(0).Invoke(1, Functions.Read).Ok(1, Number(4))));

    [Fact]
    public void An_open_increment_may_be_seen_but_not_taken_back()
    {
        var history = Increment(Start(), 0, 4).Info(0).Invoke(1, Functions.Read).Ok(1, Number(4));
        Assert.Empty(Check(history));
        Assert.Equal(["went-backwards"], Check(history.Invoke(1, Functions.Read).Ok(1, Number(0))));
    }

    [Fact]
    public void Decrements_widen_the_bounds_downwards()
    {
        var history = Increment(Start(), 0, 5).Ok(0);
        Assert.Empty(Check(Increment(history, 2, -3).Invoke(1, Functions.Read).Ok(1, Number(2)).Invoke(1, Functions.Read).Ok(1, Number(5)).Ok(2)));
        Assert.Equal(["lost-increment"], Check(history.Invoke(1, Functions.Read).Ok(1, Number(1))));
    }

    [Fact]
    public void An_answer_with_the_new_value_counts_itself()
    {
        Assert.Empty(Check(Increment(Start(), 0, 2).Ok(0, Number(2))));
        Assert.Equal(["lost-increment"], Check(Increment(Start(), 0, 2).Ok(0, Number(0))));
        Assert.Equal(["extra-increment"], Check(Increment(Start(), 0, -2).Ok(0, Number(0))));
    }

    [Fact]
    public void Counters_are_judged_by_key_from_their_initial_value()
    {
        var history = new HistoryBuilder().WithParameters((CounterChecker.InitialParameter, 10));
        history.Invoke(0, Functions.Increment, Number(1), key: "a").Ok(0).Invoke(0, Functions.Read, key: "b").Ok(0, Number(10)).Invoke(0, Functions.Read, key: "a").Ok(0, Number(11));
        Assert.Empty(Check(history));
    }

    [Fact]
    public void Refuses_a_value_that_is_not_an_integer() =>
        Assert.Throws<HistoryFormatException>(() => Check(Start().Invoke(0, Functions.Increment, HistoryValue.Text("1")).Ok(0)));

    [Fact]
    public void A_correct_counter_is_never_convicted_and_one_that_repeats_is()
    {
        Gen.Select(Gen.Int[0, 1_000_000_000], Gen.Bool).Sample(
            (seed, repeats) =>
            {
                // Unlike a correct counter, the broken one adds ten instead of one, which no open increment can explain.
                var random = new Random(seed);
                var history = new HistoryBuilder();
                long sum = 0;
                var broken = false;
                for (var round = 0; round < 30; round++)
                {
                    Increment(history, round, 1);
                    var applied = random.Next(4) != 0;
                    sum += applied ? 1 : 0;
                    if (repeats && applied && random.Next(4) == 0)
                    {
                        sum += 100;
                        broken = true;
                    }

                    _ = applied && random.Next(3) != 0 ? history.Ok(round) : history.Info(round);
                    history.Invoke(1_000, Functions.Read).Ok(1_000, Number(sum));
                }

                Assert.Equal(broken, Check(history).Contains("extra-increment"));
            },
            iter: 500);
    }

    private static HistoryBuilder Start() => new();

    private static HistoryBuilder Increment(HistoryBuilder history, int process, long delta) =>
        history.Invoke(process, Functions.Increment, Number(delta));

    private static HistoryValue Number(long value) => HistoryValue.Json($"{value}");

    private static string[] Check(HistoryBuilder history) => CounterChecker.Check(history.Build()).Anomalies();
}
