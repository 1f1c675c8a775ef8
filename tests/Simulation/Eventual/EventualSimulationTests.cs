using System.Globalization;

namespace KvRaft.Simulation.Tests.Eventual;

/// <summary><c>KVRAFT_SIMULATION_SEED</c> runs one seed only.</summary>
public class EventualSimulationTests
{
    private const int SeedsFast = 50;
    private const int SeedsLong = 2000;

    [Fact]
    public Task Acknowledged_writes_are_present_and_deleted_values_do_not_return() => RunAsync(1, SeedsFast);

    [Fact]
    [Trait("Category", "Long")]
    public Task Acknowledged_writes_are_present_for_two_thousand_seeds() => RunAsync(1 + SeedsFast, SeedsLong);

    private static int? Chosen =>
        Environment.GetEnvironmentVariable("KVRAFT_SIMULATION_SEED") is { } seed ? int.Parse(seed, CultureInfo.InvariantCulture) : null;

    private static async Task RunAsync(int first, int count)
    {
        var acknowledged = 0;
        foreach (var seed in Chosen is { } one ? [one] : Enumerable.Range(first, count))
        {
            await using var run = new SimulatedRun(seed);
            await run.RunAsync();
            Assert.Null(run.Fault);
            acknowledged += run.Acknowledged;
        }

        // Runs without acknowledged writes check nothing.
        Assert.True(acknowledged > count || Chosen is not null);
    }
}
