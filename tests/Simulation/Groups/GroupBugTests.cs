namespace KvRaft.Simulation.Tests.Groups;

/// <summary>The simulation's own test: with a bug in it, it must fail, on seeds on which it passes without.</summary>
public class GroupBugTests(ITestOutputHelper output)
{
    private const int SeedsMax = 400;

    public static TheoryData<GroupBug> Bugs => [.. Enum.GetValues<GroupBug>().Where(static bug => bug != GroupBug.None)];

    [Theory]
    [MemberData(nameof(Bugs))]
    public Task Is_convicted(GroupBug bug) => ConvictAsync(seed => GroupSetup.Of(seed) with { Bug = bug });

    /// <summary>Counting answers to a part of a round commits on a minority whatever the number of voters; with three, the leader's own answer makes the median safe.</summary>
    [Theory]
    [InlineData(4, 0)]
    [InlineData(5, 0)]
    [InlineData(6, 0)]
    [InlineData(7, 0)]
    [InlineData(4, 2)]
    [InlineData(5, 2)]
    public Task Partial_answers_that_count_are_convicted_by_the_proof_of_commits(int voters, int spares) => ConvictAsync(seed => Partial(seed) with { Voters = voters, Spares = spares });

    /// <summary>As clients see it: no look into the replicas' logs, only lost writes, and entries that replicas applied at one index and that differ.</summary>
    [Theory]
    [InlineData(5, 0)]
    [InlineData(7, 0)]
    public Task Partial_answers_that_count_lose_acknowledged_writes(int voters, int spares) =>
        ConvictAsync(seed => Partial(seed) with { Voters = voters, Spares = spares, ProvesCommits = false });

    private static GroupSetup Partial(int seed) => GroupSetup.Of(seed) with { Bug = GroupBug.CommitsMedianOfPartialAnswers };

    private async Task ConvictAsync(Func<int, GroupSetup> setup)
    {
        for (var seed = 1; seed <= SeedsMax; seed++)
        {
            await using var run = new GroupRun(seed, setup(seed));
            run.Play();
            if (run.Fault is { } fault)
            {
                output.WriteLine($"{setup(seed)}: {fault.Split('\n')[0]}");
                return;
            }
        }

        Assert.Fail($"{setup(1)}, and {SeedsMax} seeds found nothing");
    }
}
