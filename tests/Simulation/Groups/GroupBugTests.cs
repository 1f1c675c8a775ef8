namespace KvRaft.Simulation.Tests.Groups;

/// <summary>The simulation's own test: with a bug in it, it must fail, on seeds on which it passes without.</summary>
public class GroupBugTests(ITestOutputHelper output)
{
    /// <summary>The rarest, reads without a quorum, is met at seed 518; the others within the first hundred.</summary>
    private const int SeedsMax = 1_000;

    public static TheoryData<GroupBug> Bugs => [.. Enum.GetValues<GroupBug>().Where(static bug => bug != GroupBug.None)];

    [Theory]
    [MemberData(nameof(Bugs))]
    public async Task Is_convicted(GroupBug bug)
    {
        for (var seed = 1; seed <= SeedsMax; seed++)
        {
            await using var run = new GroupRun(seed, bug);
            run.Play();
            if (run.Fault is { } fault)
            {
                output.WriteLine($"{bug}: {fault.Split('\n')[0]}");
                return;
            }
        }

        Assert.Fail($"{bug}, and {SeedsMax} seeds found nothing");
    }
}
