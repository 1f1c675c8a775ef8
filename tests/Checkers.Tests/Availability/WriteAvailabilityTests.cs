using KvRaft.Chaos.Checkers;
using KvRaft.Checkers.Tests.Support;

namespace KvRaft.Checkers.Tests.Availability;

/// <summary>Nine of ten writes are required, the grace period is 100 ms; each event takes one millisecond.</summary>
public class WriteAvailabilityTests
{
    /// <summary>Hundreds of refused writes among many more answered reads were once accepted as an available store.</summary>
    [Fact]
    public void Refused_writes_are_not_hidden_by_answered_reads()
    {
        var history = new HistoryBuilder();
        for (var turn = 0; turn < 30; turn++)
        {
            history.Put(0, $"v{turn}").Fail(0);
            for (var read = 0; read < 10; read++)
            {
                history.Get(1).Saw(1, null);
            }
        }

        Assert.Equal(["writes-refused"], Check(history));
    }

    [Theory]
    [InlineData(3, "")]
    [InlineData(4, "writes-refused")]
    public void One_of_ten_may_be_refused(int refused, string anomaly) =>
        Assert.Equal(anomaly, string.Join(',', Check(Writes(Writes(new HistoryBuilder(), 30 - refused, refused: false), refused, refused: true))));

    [Fact]
    public void A_fault_and_the_grace_after_it_excuse_refusals()
    {
        var during = Writes(new HistoryBuilder().Mark("kill n1"), 40, refused: true);
        Assert.Empty(Check(Writes(during.Mark("heal kill n1").Wait(10), 20, refused: true)));
        Assert.Equal(["writes-refused"], Check(Writes(during.Wait(200), 40, refused: true)));
    }

    [Fact]
    public void A_write_that_was_under_way_when_the_fault_began_is_excused()
    {
        var history = Writes(new HistoryBuilder(), 18, refused: false);
        for (var process = 10; process < 20; process++)
        {
            history.Put(process, $"late{process}");
        }

        history.Mark("kill n1");
        for (var process = 10; process < 20; process++)
        {
            history.Info(process);
        }

        Assert.Empty(Check(history.Mark("heal kill n1")));
    }

    [Fact]
    public void A_wrong_clock_excuses_nothing()
    {
        var history = Writes(new HistoryBuilder().Mark("clock-jump n1 3600s"), 30, refused: true).Mark("heal clock-jump n1 3600s");
        Assert.Equal(["writes-refused"], Check(history, harmless: "clock-jump"));
        Assert.Empty(Check(history));
    }

    [Fact]
    public void A_refusal_by_rule_is_a_decision()
    {
        var history = new HistoryBuilder();
        for (var turn = 0; turn < 30; turn++)
        {
            history.Cas(0, "x", "y").Mismatch(0);
        }

        Assert.Empty(Check(history));
    }

    [Fact]
    public void A_share_needs_a_minimum_of_writes() => Assert.Empty(Check(Writes(new HistoryBuilder(), 10, refused: true)));

    [Fact]
    public void Without_the_parameter_nothing_is_demanded() =>
        Assert.Empty(WriteAvailability.Check(Writes(new HistoryBuilder(), 30, refused: true).Build()).Findings);

    /// <summary>Writers that started after the clocks of the servers had been ahead were refused until the true time had caught up.</summary>
    [Fact]
    public void A_refusal_of_a_writer_for_its_age_is_a_violation_at_any_time()
    {
        var history = new HistoryBuilder().Mark("kill n1").Put(0, "a").Info(0, "request-id-expired").Mark("heal kill n1");
        Assert.Equal(["writer-unwelcome"], WriteAvailability.Check(history.Build()).Anomalies());
    }

    private static HistoryBuilder Writes(HistoryBuilder history, int count, bool refused)
    {
        for (var turn = 0; turn < count; turn++)
        {
            history.Put(0, $"w{history.Events.Count}");
            _ = refused ? history.Fail(0) : history.Ok(0);
        }

        return history;
    }

    private static string[] Check(HistoryBuilder history, params string[] harmless) =>
        WriteAvailability.Check(
            history.WithParameters((WriteAvailability.ShareParameter, 900), (WriteAvailability.GraceParameter, 100)).Build(), harmless.ToHashSet()).Anomalies();
}
