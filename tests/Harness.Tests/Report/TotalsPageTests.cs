using KvRaft.Chaos.Report;

namespace KvRaft.Harness.Tests.Report;

public class TotalsPageTests
{
    [Fact]
    public void Runs_are_added_up()
    {
        var text = TotalsPage.Of(
        [
            """{"scenario":"kill-leader/set","outcome":"Passed","seconds":1800,"operations":10,"answered":9,"faults":2,"kills":1,"powerCuts":5,"powerCutsOfAll":1,"failoversMs":[100,300],"outages":0}""",
            """{"scenario":"power-leader/set","outcome":"Undecided","seconds":1800,"operations":5,"answered":1,"faults":1,"kills":0,"powerCuts":0,"powerCutsOfAll":0,"failoversMs":[200],"outages":1}""",
        ]);
        Assert.Contains("runs 2: 1 passed, 0 violated, 1 undecided; 1.00 h", text, StringComparison.Ordinal);
        Assert.Contains("operations 15, answered 10", text, StringComparison.Ordinal);
        Assert.Contains("faults 3, kills 1, power cuts 5 (all nodes at once 1 times)", text, StringComparison.Ordinal);
        Assert.Contains("failovers: 3 measured, p50 200 ms", text, StringComparison.Ordinal);
        Assert.Contains("failovers of kill-leader: 2 measured, p50 100 ms", text, StringComparison.Ordinal);
        Assert.Contains("1 outages", text, StringComparison.Ordinal);
    }
}
