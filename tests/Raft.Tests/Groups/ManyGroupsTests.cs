using System.Diagnostics;
using KvRaft.Raft.Options;

namespace KvRaft.Raft.Tests.Groups;

public sealed class ManyGroupsTests(ITestOutputHelper output)
{
    /// <summary>The time it takes is printed, not asserted: machines differ.</summary>
    [Fact]
    [Trait("Category", "Long")]
    public async Task Sixty_four_groups_elect_survive_a_crash_and_take_the_node_back()
    {
        const int Groups = 64;
        var clock = Stopwatch.StartNew();
        await using var cluster = await RaftTestCluster.StartAsync(
            groups: Groups, configure: options => options with { Timings = new RaftTimings(), LogSegmentBytes = 8 << 20, LogBytesMax = 64 << 20 });
        await AllLedAsync(cluster, Groups);
        output.WriteLine($"{Groups} groups led after {clock.Elapsed.TotalSeconds:0.0} s");

        var victim = cluster.Nodes[0];
        await cluster.CrashNodeAsync(victim);
        clock.Restart();
        await AllLedAsync(cluster, Groups);
        output.WriteLine($"led again without {victim} after {clock.Elapsed.TotalSeconds:0.0} s");

        for (var group = 1; group <= Groups; group++)
        {
            await cluster.AppendAsync($"c{group}", group);
        }

        clock.Restart();
        await cluster.StartNodeAsync(victim);
        for (var group = 1; group <= Groups; group++)
        {
            Assert.Single(await cluster.ConvergedAsync(group));
        }

        output.WriteLine($"{victim} caught up after {clock.Elapsed.TotalSeconds:0.0} s");
    }

    private static async Task AllLedAsync(RaftTestCluster cluster, int groups)
    {
        for (var group = 1; group <= groups; group++)
        {
            await cluster.LeaderAsync(group);
        }
    }
}
