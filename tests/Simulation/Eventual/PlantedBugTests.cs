using KvRaft.Eventual.Tests.Clusters;

namespace KvRaft.Simulation.Tests.Eventual;

/// <summary>Tests of the simulation itself: with a bug in the store it must fail, on seeds on which the store without the bug passes.</summary>
public class PlantedBugTests(ITestOutputHelper output)
{
    /// <summary><see cref="EventualSimulationTests"/> runs all of these seeds without a bug.</summary>
    private const int SeedsMax = 100;

    public static TheoryData<int> Bugs => [.. Enumerable.Range(0, PlantedBug.All.Count)];

    [Theory]
    [MemberData(nameof(Bugs))]
    public async Task A_planted_bug_is_found(int number)
    {
        var bug = PlantedBug.All[number];
        for (var seed = 1; seed <= SeedsMax; seed++)
        {
            await using var run = new SimulatedRun(seed, bug);
            await run.RunAsync();
            if (run.Fault is { } fault)
            {
                output.WriteLine($"{bug}: {fault.Split('\n')[0]}");
                return;
            }
        }

        Assert.Fail($"{bug}: {SeedsMax} seeds did not find the bug");
    }
}
