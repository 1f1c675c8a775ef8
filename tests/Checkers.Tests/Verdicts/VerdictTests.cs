using System.Text.Json;
using KvRaft.Chaos.Checkers;
using KvRaft.Checkers.Tests.Support;

namespace KvRaft.Checkers.Tests.Verdicts;

public class VerdictTests
{
    [Fact]
    public void Renders_as_json_with_the_indexes_of_the_proof()
    {
        var verdict = Linearizability.Check(new HistoryBuilder().Put(0, "a").Ok(0).Put(1, "b").Get(2).Saw(2, null).Build());
        using var json = JsonDocument.Parse(verdict.ToJson());
        var root = json.RootElement;
        Assert.Equal("linearizability", root.GetProperty("checker").GetString());
        Assert.Equal("violation", root.GetProperty("judgement").GetString());
        Assert.Equal(1, root.GetProperty("counts").GetProperty("not-linearizable").GetInt64());
        Assert.Equal(1, root.GetProperty("figures").GetProperty("keys").GetInt64());
        var finding = Assert.Single(root.GetProperty("findings").EnumerateArray());
        Assert.Equal("k", finding.GetProperty("key").GetString());
        Assert.Equal(
            ["""{"invoked":3,"completed":4}""", """{"invoked":0,"completed":1}"""],
            finding.GetProperty("operations").EnumerateArray().Select(operation => JsonSerializer.Serialize(operation)));
    }

    [Fact]
    public void A_running_operation_has_no_completion_in_json()
    {
        var verdict = new FindingList();
        verdict.Add(new Finding("lost", "x") { Operations = new HistoryBuilder().Put(0, "a").Build().Operations });
        Assert.Contains("\"completed\": null", verdict.ToVerdict("set").ToJson(), StringComparison.Ordinal);
    }

    [Fact]
    public void Renders_as_text_with_its_reason()
    {
        var verdict = new Verdict { Checker = "linearizability", Judgement = Judgement.Undecided, Reason = "the budget is spent" };
        Assert.Equal("linearizability: undecided (the budget is spent)\n", verdict.ToText());
    }

    [Theory]
    [InlineData(Judgement.Valid, 0, true)]
    [InlineData(Judgement.Violation, 1, false)]
    [InlineData(Judgement.Undecided, 3, false)]
    public void Only_valid_is_a_pass(Judgement judgement, int exitCode, bool valid)
    {
        var verdict = new Verdict { Checker = "set", Judgement = judgement };
        Assert.Equal(exitCode, verdict.ExitCode);
        Assert.Equal(valid, verdict.IsValid);
    }

    [Fact]
    public void The_judge_goes_by_the_workload_before_the_hyphen()
    {
        var history = new HistoryBuilder { Header = new HistoryHeader { Workload = "register-cas" } }.Put(0, "a").Ok(0).Build();
        Assert.Equal(["linearizability", "run-validity", "availability", "writes"], HistoryJudge.Judge(history).Select(verdict => verdict.Checker));
    }

    [Fact]
    public void An_unknown_workload_is_refused()
    {
        var fault = Assert.Throws<HistoryFormatException>(() => HistoryJudge.Judge(new HistoryBuilder().Build()));
        Assert.Equal("workload", fault.Member);
    }
}
