using KvRaft.Eventual.Tests.Clusters;

namespace KvRaft.Simulation.Tests.Eventual;

/// <summary>The simulation's own test: with a bug in the store it must fail, on the very seeds on which the store without one passes.</summary>
public class PlantedBugTests(ITestOutputHelper output)
{
    /// <summary>All of them are among those that <see cref="EventualSimulationTests"/> plays with the store as it is.</summary>
    private const int SeedsMax = 100;

    public static TheoryData<int> Bugs => [.. Enumerable.Range(0, PlantedBug.All.Count)];

    [Theory]
    [MemberData(nameof(Bugs))]
    public async Task Is_convicted(int number)
    {
        var bug = PlantedBug.All[number];
        for (var seed = 1; seed <= SeedsMax; seed++)
        {
            await using var run = new SimulatedRun(seed, bug);
            await run.PlayAsync();
            if (run.Fault is { } fault)
            {
                output.WriteLine($"{bug}: {fault.Split('\n')[0]}");
                return;
            }
        }

        Assert.Fail($"{bug}, and {SeedsMax} seeds found nothing");
    }
}
