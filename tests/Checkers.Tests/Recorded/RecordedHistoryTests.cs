using KvRaft.Chaos.Checkers;

namespace KvRaft.Checkers.Tests.Recorded;

/// <summary>Every history in chaos/histories gets the verdict that its folder and header require.</summary>
public class RecordedHistoryTests
{
    private static readonly string Root = Path.Combine(AppContext.BaseDirectory, "histories");

    public static TheoryData<string> Good => Names("good");

    public static TheoryData<string> Bad => Names("bad");

    public static TheoryData<string> Undecided => Names("undecided");

    [Theory]
    [MemberData(nameof(Good))]
    public void A_correct_history_passes_all_checkers(string name)
    {
        var verdicts = HistoryJudge.Judge(Read(name));
        Assert.All(verdicts, verdict => Assert.True(verdict.IsValid, verdict.ToText()));
    }

    [Theory]
    [MemberData(nameof(Bad))]
    public void A_bad_history_is_convicted_of_what_its_header_names(string name)
    {
        var history = Read(name);
        Assert.NotNull(history.Header.Note);
        var violations = HistoryJudge.Judge(history).Where(verdict => verdict.Judgement == Judgement.Violation).ToList();
        var findings = violations.SelectMany(verdict => verdict.Findings).ToList();
        Assert.Contains(findings, finding => finding.Anomaly == history.Header.Anomaly);
        Assert.All(findings, finding => Assert.Subset(history.Operations.ToHashSet(), finding.Operations.ToHashSet()));
        Assert.All(findings, finding => Assert.NotEmpty(finding.Message));
    }

    [Theory]
    [MemberData(nameof(Undecided))]
    public void A_run_that_proves_nothing_does_not_pass(string name)
    {
        var history = Read(name);
        var verdicts = HistoryJudge.Judge(history);
        Assert.DoesNotContain(verdicts, verdict => verdict.Judgement == Judgement.Violation);
        var undecided = Assert.Single(verdicts, verdict => verdict.Judgement == Judgement.Undecided);
        Assert.Contains(undecided.Findings, finding => finding.Anomaly == history.Header.Anomaly);
        Assert.NotNull(undecided.Reason);
    }

    [Fact]
    public void Every_checker_has_convicted_something()
    {
        var convicted = Directory.EnumerateFiles(Root, "*.jsonl", SearchOption.AllDirectories)
            .SelectMany(path => HistoryJudge.Judge(ReadFile(path)))
            .Where(verdict => !verdict.IsValid)
            .Select(verdict => verdict.Checker)
            .Distinct()
            .Order();
        Assert.Equal(["availability", "bank", "causal", "convergence", "counter", "cycle", "linearizability", "lock", "run-validity", "set", "sides", "ttl", "writes"], convicted);
    }

    private static TheoryData<string> Names(string folder) =>
        [.. Directory.EnumerateFiles(Path.Combine(Root, folder)).Select(path => Path.GetRelativePath(Root, path)).Order(StringComparer.Ordinal)];

    private static Chaos.Checkers.History Read(string name) => ReadFile(Path.Combine(Root, name));

    private static Chaos.Checkers.History ReadFile(string path)
    {
        using var text = new StreamReader(path);
        return Chaos.Checkers.History.Read(text);
    }
}
