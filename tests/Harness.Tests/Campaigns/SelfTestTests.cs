using KvRaft.Chaos.Campaigns;
using KvRaft.Chaos.Checkers;
using KvRaft.Chaos.Matrix;
using KvRaft.Chaos.Planted;

namespace KvRaft.Harness.Tests.Campaigns;

/// <summary>Which verdicts convict a planted bug. The first test is a real case: ten of seventeen bugs were "convicted" although the store did not
/// start.</summary>
public class SelfTestTests
{
    private const string Answered = """
        {"header":{"format":"kvraft-history","version":1,"workload":"set","nodes":["n1"]}}
        {"index":0,"process":1,"type":"invoke","f":"add","value":1,"time":1}
        {"index":1,"process":1,"type":"ok","f":"add","value":1,"time":2}
        """;

    private static readonly Verdict Dead = Verdict("cluster", Judgement.Violation);

    [Fact]
    public void A_store_that_never_answered_is_not_convicted_of_anything() =>
        Assert.Empty(SelfTest.Guilty([Dead], History.Read(new StringReader(""))));

    [Fact]
    public void A_store_that_answered_is_convicted_by_its_answers_and_not_by_its_delays()
    {
        var history = History.Read(new StringReader(Answered));
        Assert.Equal([Dead], SelfTest.Guilty([Verdict("liveness", Judgement.Violation), Dead, Verdict("set", Judgement.Undecided)], history));
        Assert.Empty(SelfTest.Guilty([Verdict("liveness", Judgement.Violation)], history));
    }

    [Theory]
    [InlineData(10, 9, true)]
    [InlineData(10, 8, false)]
    [InlineData(1, 1, true)]
    [InlineData(1, 0, false)]
    [InlineData(0, 0, false)]
    public void Nine_trials_of_ten_must_convict(int trials, int convictions, bool isConvicted)
    {
        var record = new TrialRecord(PlantedCatalog.All[0]);
        for (var trial = 0; trial < trials; trial++)
        {
            record.Add(new Trial(TimeSpan.FromSeconds(trial), trial < convictions ? ["set"] : []));
        }

        Assert.Equal(isConvicted, record.IsConvicted);
        Assert.Equal(trials > 0 && !isConvicted, record.IsAtLarge);
    }

    [Fact]
    public void The_tier_pr_tries_three_existing_bugs()
    {
        var names = ScenarioMatrix.PullRequestBugs.Split(',');
        Assert.Equal(3, names.Distinct().Count());
        Assert.Subset(PlantedCatalog.All.Select(static kind => kind.Name).ToHashSet(), names.ToHashSet());
    }

    private static Verdict Verdict(string checker, Judgement judgement) => new() { Checker = checker, Judgement = judgement };
}
