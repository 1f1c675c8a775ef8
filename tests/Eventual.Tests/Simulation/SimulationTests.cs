using System.Globalization;

namespace KvRaft.Eventual.Tests.Simulation;

public class SimulationTests
{
    private const int SeedsFast = 50;
    private const int SeedsLong = 2000;

    [Fact]
    public Task Everything_acknowledged_is_there_and_nothing_deleted_returns() => PlayAsync(FirstSeed, SeedsFast);

    [Fact]
    [Trait("Category", "Long")]
    public Task Two_thousand_seeds() => PlayAsync(FirstSeed + SeedsFast, SeedsLong);

    /// <summary><c>KVRAFT_SIMULATION_SEED</c> plays one again.</summary>
    private static int FirstSeed => Chosen ?? 1;

    private static int? Chosen =>
        Environment.GetEnvironmentVariable("KVRAFT_SIMULATION_SEED") is { } seed ? int.Parse(seed, CultureInfo.InvariantCulture) : null;

    private static async Task PlayAsync(int first, int count)
    {
        var acknowledged = 0;
        for (var seed = first; seed < first + (Chosen is null ? count : 1); seed++)
        {
            await using var run = new SimulatedRun(seed);
            await run.PlayAsync();
            acknowledged += run.Acknowledged;
        }

        // A run in which nothing succeeds proves nothing.
        Assert.True(acknowledged > count || Chosen is not null);
    }
}
