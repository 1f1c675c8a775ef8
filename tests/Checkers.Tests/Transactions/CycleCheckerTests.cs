using KvRaft.Chaos.Checkers;
using KvRaft.Checkers.Tests.Support;

namespace KvRaft.Checkers.Tests.Transactions;

/// <summary>Properties that the recorded histories do not show: proofs, and refused inputs.</summary>
public class CycleCheckerTests
{
    [Fact]
    public void A_cycle_is_proved_step_by_step()
    {
        var history = new HistoryBuilder();
        Begin(history, 0, """[["append","x",1],["append","y",1]]""");
        Begin(history, 1, """[["r","x",null],["r","y",null]]""");
        End(history, 0, """[["append","x",1],["append","y",1]]""");
        End(history, 1, """[["r","x",[1]],["r","y",[]]]""");
        Begin(history, 2, """[["r","y",null]]""");
        End(history, 2, """[["r","y",[1]]]""");
        var finding = Assert.Single(CycleChecker.Check(history.Build()).Findings);
        Assert.Equal("G-single", finding.Anomaly);
        Assert.Equal("each of T1 < T0 < T1 must come before the next", finding.Message);
        Assert.Equal(
            """
            T1 (p1): read x -> [1], read y -> []
            T0 (p0): append x 1, append y 1
            T1 < T0 (rw): T1 read y without 1, which T0 appended
            T0 < T1 (wr): T1 read 1 in x, which T0 appended

            """,
            finding.Explanation);
    }

    [Fact]
    public void The_shortest_cycle_is_shown()
    {
        // A cycle of four stale reads over a, b, c, d; the second and third are also a pair over x and y.
        string[] rest =
        [
            """["r","b",[]]""",
            """["r","c",[]],["r","x",[]],["append","y",1]""",
            """["r","d",[]],["append","x",1],["r","y",[]]""",
            """["r","a",[]]""",
        ];
        var steps = rest.Select((text, process) => $"""[["append","{"abcd"[process]}",1],{text}]""").ToList();
        var history = new HistoryBuilder();
        for (var process = 0; process < steps.Count; process++)
        {
            Begin(history, process, steps[process].Replace("[]", "null", StringComparison.Ordinal));
        }

        for (var process = 0; process < steps.Count; process++)
        {
            End(history, process, steps[process]);
        }

        var finding = Assert.Single(CycleChecker.Check(history.Build()).Findings, finding => finding.Anomaly == "G2");
        Assert.Equal([1, 2], finding.Operations.Select(operation => operation.Process).Order());
    }

    [Fact]
    public void An_open_transaction_counts_once_it_was_seen()
    {
        var history = new HistoryBuilder();
        Begin(history, 0, """[["append","x",1],["append","y",1]]""");
        history.Info(0);
        Begin(history, 1, """[["r","x",null],["r","y",null]]""");
        End(history, 1, """[["r","x",[]],["r","y",[]]]""");
        Assert.True(CycleChecker.Check(history.Build()).IsValid);
        Begin(history, 1, """[["r","x",null],["r","y",null]]""");
        End(history, 1, """[["r","x",[1]],["r","y",[]]]""");
        Assert.Contains("G-single", CycleChecker.Check(history.Build()).Anomalies());
    }

    [Theory]
    [InlineData("""[["append","x",1]]""", """[["append","x",2]]""")]
    [InlineData("""[["append","x",1]]""", """[]""")]
    [InlineData("""[["r","x",null]]""", """[["r","y",[]]]""")]
    [InlineData("""[["r","x",null]]""", """[["r","x",null]]""")]
    [InlineData("""[["w","x",1]]""", """[["w","x",1]]""")]
    [InlineData("""[["append","x"]]""", """[["append","x"]]""")]
    [InlineData("""{"x":1}""", """[]""")]
    [InlineData("""[["append","x",1],["append","x",1]]""", """[["append","x",1],["append","x",1]]""")]
    public void Refuses_a_value_that_is_neither_a_transaction_nor_its_answer(string asked, string answered)
    {
        var history = new HistoryBuilder();
        Begin(history, 0, asked);
        End(history, 0, answered);
        Assert.Equal("value", Assert.Throws<HistoryFormatException>(() => CycleChecker.Check(history.Build())).Member);
    }

    private static void Begin(HistoryBuilder history, int process, string steps) =>
        history.Invoke(process, Functions.Transaction, HistoryValue.Json(steps), key: null);

    private static void End(HistoryBuilder history, int process, string steps) => history.Ok(process, HistoryValue.Json(steps));
}
