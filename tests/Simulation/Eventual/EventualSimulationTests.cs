using System.Globalization;

namespace KvRaft.Simulation.Tests.Eventual;

/// <summary><c>KVRAFT_SIMULATION_SEED</c> plays one seed again, and nothing else.</summary>
public class EventualSimulationTests
{
    private const int SeedsFast = 50;
    private const int SeedsLong = 2000;

    [Fact]
    public Task Everything_acknowledged_is_there_and_nothing_deleted_returns() => PlayAsync(1, SeedsFast);

    [Fact]
    [Trait("Category", "Long")]
    public Task Two_thousand_seeds() => PlayAsync(1 + SeedsFast, SeedsLong);

    private static int? Chosen =>
        Environment.GetEnvironmentVariable("KVRAFT_SIMULATION_SEED") is { } seed ? int.Parse(seed, CultureInfo.InvariantCulture) : null;

    private static async Task PlayAsync(int first, int count)
    {
        var acknowledged = 0;
        foreach (var seed in Chosen is { } one ? [one] : Enumerable.Range(first, count))
        {
            await using var run = new SimulatedRun(seed);
            await run.PlayAsync();
            Assert.Null(run.Fault);
            acknowledged += run.Acknowledged;
        }

        // A run in which nothing succeeds proves nothing.
        Assert.True(acknowledged > count || Chosen is not null);
    }
}
