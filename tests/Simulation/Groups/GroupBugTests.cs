namespace KvRaft.Simulation.Tests.Groups;

/// <summary>Tests of the simulation itself: with a planted bug it must fail, on seeds on which it passes without the bug.</summary>
public class GroupBugTests(ITestOutputHelper output)
{
    private const int SeedsMax = 400;

    public static TheoryData<GroupBug> Bugs => [.. Enum.GetValues<GroupBug>().Where(static bug => bug != GroupBug.None)];

    [Theory]
    [MemberData(nameof(Bugs))]
    public Task A_planted_bug_is_found(GroupBug bug) => FindAsync(seed => GroupSetup.Of(seed) with { Bug = bug });

    /// <summary>Counting answers to a part of a round commits entries that only a minority holds, for any number of voters above three. With three voters the leader's own answer makes the median safe.</summary>
    [Theory]
    [InlineData(4, 0)]
    [InlineData(5, 0)]
    [InlineData(6, 0)]
    [InlineData(7, 0)]
    [InlineData(4, 2)]
    [InlineData(5, 2)]
    public Task Counted_partial_answers_are_found_by_the_check_of_commits(int voters, int spares) => FindAsync(seed => Partial(seed) with { Voters = voters, Spares = spares });

    /// <summary>Without the check of commits: the bug is found by lost writes, and by different entries that replicas applied at one index.</summary>
    [Theory]
    [InlineData(5, 0)]
    [InlineData(7, 0)]
    public Task Counted_partial_answers_lose_acknowledged_writes(int voters, int spares) =>
        FindAsync(seed => Partial(seed) with { Voters = voters, Spares = spares, ChecksCommits = false });

    private static GroupSetup Partial(int seed) => GroupSetup.Of(seed) with { Bug = GroupBug.CountsPartialAnswers };

    private async Task FindAsync(Func<int, GroupSetup> setup)
    {
        for (var seed = 1; seed <= SeedsMax; seed++)
        {
            await using var run = new GroupRun(seed, setup(seed));
            run.Run();
            if (run.Fault is { } fault)
            {
                output.WriteLine($"{setup(seed)}: {fault.Split('\n')[0]}");
                return;
            }
        }

        Assert.Fail($"{setup(1)}: {SeedsMax} seeds did not find the bug");
    }
}
