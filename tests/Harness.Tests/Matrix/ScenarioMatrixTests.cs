using KvRaft.Chaos.Checkers;
using KvRaft.Chaos.Faults;
using KvRaft.Chaos.Matrix;
using KvRaft.Chaos.Workloads;

namespace KvRaft.Harness.Tests.Matrix;

public class ScenarioMatrixTests
{
    [Fact]
    public void Names_of_faults_are_single_words_and_unique()
    {
        Assert.Equal(ScenarioMatrix.Faults.Count, ScenarioMatrix.Faults.Distinct().Count());
        Assert.All(ScenarioMatrix.Faults, name => Assert.Matches("^[a-z-]+$", name));

        // The reader would take a mark that begins with "heal" for an end.
        Assert.DoesNotContain("heal", ScenarioMatrix.Faults);
    }

    [Fact]
    public void Every_workload_has_a_judge() =>
        Assert.All(WorkloadCatalog.All, pair => Assert.Contains(pair.Value().Name.Split('-')[0], HistoryJudge.Workloads));

    [Fact]
    public void Every_cell_is_found_by_its_name() =>
        Assert.All(ScenarioMatrix.All, scenario => Assert.Equal(scenario, ScenarioMatrix.Parse(scenario.ToString())));

    [Fact]
    public void A_list_of_cells_keeps_its_order() =>
        Assert.Equal(
            [new Scenario("wipe", "set"), new Scenario("none", "bank")], ScenarioMatrix.ParseList("wipe/set, none/bank"));

    [Theory]
    [InlineData("wipe/set,none/bank,wipe/set", "named twice")]
    [InlineData("wipe/set,", "is not FAULT/WORKLOAD")]
    public void A_list_with_an_unknown_or_repeated_cell_is_refused(string text, string why) =>
        Assert.Contains(why, Assert.Throws<ArgumentException>(() => ScenarioMatrix.ParseList(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("kill-leader")]
    [InlineData("kill-leader/nothing")]
    [InlineData("nothing/register")]
    [InlineData("kill-leader/register/more")]
    public void An_unknown_cell_is_refused_with_the_valid_names(string text) =>
        Assert.Contains("kill-leader", Assert.Throws<ArgumentException>(() => ScenarioMatrix.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void The_tiers_are_cells_of_the_matrix()
    {
        Assert.Subset(ScenarioMatrix.All.ToHashSet(), ScenarioMatrix.PullRequest.ToHashSet());
        Assert.True(ScenarioMatrix.PullRequest.Count >= 10);
        Assert.Equal(ScenarioMatrix.Workloads, ScenarioMatrix.PullRequest.Select(scenario => scenario.Workload).Distinct().Order(StringComparer.Ordinal));
        Assert.True(ScenarioMatrix.All.Count >= 60);
    }

    [Fact]
    public void An_unmet_requirement_names_its_reason()
    {
        var abilities = new HostAbilities("not root", null, null, null, null, null);
        Assert.Equal("not root", abilities.WhyNot(FaultNeeds.Network | FaultNeeds.Volumes));
        Assert.Null(abilities.WhyNot(FaultNeeds.Volumes));
    }
}
