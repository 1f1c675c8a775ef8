using CsCheck;
using KvRaft.Chaos.Faults;
using KvRaft.Chaos.Matrix;

namespace KvRaft.Harness.Tests.Matrix;

public class SampleTierTests
{
    [Fact]
    public void Every_sample_has_every_fault_and_every_workload_and_no_cell_twice() =>
        Gen.Int[1, 1_000_000].Sample(
            static seed =>
            {
                var cells = SampleTier.Draw(seed);
                Assert.True(cells.Count >= 60);
                Assert.Equal(cells.Count, cells.Select(static cell => cell.Scenario).Distinct().Count());
                Assert.Equal(ScenarioMatrix.Faults.Order(StringComparer.Ordinal), cells.Select(static cell => cell.Scenario.Fault).Distinct().Order(StringComparer.Ordinal));
                Assert.All(ScenarioMatrix.Workloads, workload => Assert.InRange(cells.Count(cell => cell.Scenario.Workload == workload), cells.Count / ScenarioMatrix.Workloads.Count, (cells.Count / ScenarioMatrix.Workloads.Count) + 1));
                Assert.Equal(Enumerable.Range(0, cells.Count), cells.Select(static cell => cell.SeedOffset));
            },
            iter: 200);

    [Fact]
    public void Every_sample_has_all_shapes_of_clusters_about_equally_often() =>
        Gen.Int[1, 1_000_000].Sample(
            static seed =>
            {
                var shapes = SampleTier.Draw(seed).CountBy(static cell => (cell.Nodes, cell.Replicas)).ToDictionary();
                Assert.Equal([(3, 3), (5, 3), (5, 5)], shapes.Keys.Order());
                Assert.All(shapes.Values, static count => Assert.InRange(count, 17, 24));
            },
            iter: 200);

    [Fact]
    public void A_fault_is_drawn_on_a_cluster_in_which_it_has_a_shape() =>
        Gen.Int[1, 1_000_000].Sample(
            static seed => Assert.All(SampleTier.Draw(seed), static cell =>
            {
                if (FaultCatalog.Find(cell.Scenario.Fault) is { } kind)
                {
                    Assert.True(kind.NodesMin <= cell.Nodes && kind.ReplicasMin <= cell.Replicas);
                    Assert.False(kind.NeedsSpareNodes && cell.Replicas == cell.Nodes);
                }
            }),
            iter: 200);

    [Fact]
    public void A_fault_is_drawn_with_a_workload_with_which_it_has_an_effect() =>
        Gen.Int[1, 1_000_000].Sample(
            static seed => Assert.All(SampleTier.Draw(seed), static cell => Assert.Contains(cell.Scenario, ScenarioMatrix.All)),
            iter: 200);

    [Fact]
    public void A_seed_draws_the_same_cells_again_and_another_seed_others()
    {
        Assert.Equal(SampleTier.Draw(7), SampleTier.Draw(7));
        Assert.NotEqual(SampleTier.Draw(7), SampleTier.Draw(8));
    }

    /// <summary>However long runs take beside their faults, no cell begins that cannot end in time with the usual duration of a run.</summary>
    [Fact]
    public void All_cells_together_keep_to_their_time() =>
        Gen.Int[20, 400].Array[60].Sample(
            static beside =>
            {
                var left = SampleTier.Total;
                for (var cell = 0; cell < 60; cell++)
                {
                    if (SampleTier.DurationOf(left, 60 - cell) is not { } duration)
                    {
                        break;
                    }

                    Assert.InRange(duration, TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(30));
                    left -= duration + TimeSpan.FromSeconds(beside[cell]);
                }

                Assert.True(left > -TimeSpan.FromSeconds(400 - 75));
            },
            iter: 500);

    [Fact]
    public void Runs_of_the_usual_length_inject_faults_for_half_a_minute()
    {
        var left = SampleTier.Total;
        for (var cell = 0; cell < 60; cell++)
        {
            Assert.Equal(TimeSpan.FromSeconds(30), SampleTier.DurationOf(left, 60 - cell));
            left -= TimeSpan.FromSeconds(30 + 45);
        }
    }
}
