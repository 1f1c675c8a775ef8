namespace KvRaft.Simulation.Clocks;

/// <summary>A lock is held for its time-to-live, whatever the error of the leaders' clocks: it is never granted twice within that time, and it is free afterwards.</summary>
public sealed class ClockSimulationTests
{
    [Theory]
    [InlineData(3, false), InlineData(3, true), InlineData(5, false), InlineData(5, true)]
    public void A_lock_is_granted_once_within_its_time_to_live_and_is_free_afterwards(int nodes, bool majorityJumps) => Run(nodes, majorityJumps, seeds: 15);

    [Theory]
    [InlineData(3, false), InlineData(3, true), InlineData(5, false), InlineData(5, true)]
    [Trait("Category", "Long")]
    public void A_lock_is_granted_once_within_its_time_to_live_in_many_runs(int nodes, bool majorityJumps) => Run(nodes, majorityJumps, seeds: 4_000);

    [Theory]
    [InlineData(ClockBug.StampsByWallClock, false), InlineData(ClockBug.ExpiresByWallClock, false), InlineData(ClockBug.AdoptsJumps, true)]
    [InlineData(ClockBug.CountsNothingBetweenLeaders, false)]
    public void A_planted_bug_is_found(ClockBug bug, bool majorityJumps)
    {
        for (var seed = 1; seed <= 40; seed++)
        {
            using var run = new ClockRun(seed, 3, majorityJumps, bug);
            run.Run(300);
            if (run.Faults.Count > 0)
            {
                return;
            }
        }

        Assert.Fail($"{bug} was not found in 40 runs.");
    }

    private static void Run(int nodes, bool majorityJumps, int seeds)
    {
        var first = Environment.GetEnvironmentVariable("KVRAFT_SIMULATION_SEED") is { Length: > 0 } chosen ? int.Parse(chosen, System.Globalization.CultureInfo.InvariantCulture) : 1;
        var grants = 0;
        for (var seed = first; seed < first + seeds; seed++)
        {
            using var run = new ClockRun(seed, nodes, majorityJumps, ClockBug.None);
            run.Run(300);
            Assert.True(run.Faults.Count == 0, $"Seed {seed}: {string.Join("; ", run.Faults.Take(3))}");
            grants += run.Grants;
        }

        Assert.True(grants > seeds * 20, $"Only {grants} locks were granted.");
    }
}
