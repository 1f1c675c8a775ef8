using CsCheck;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Groups;

public sealed class SuccessionTests
{
    private static readonly Gen<(NodeId Node, LogPosition Last)[]> Survivors =
        Gen.Select(Gen.Int[1, 3], Gen.Int[1, 5]).Array[1, 5]
            .Select(ends => ends.Select((end, i) => (new NodeId($"n{i + 1}"), new LogPosition(end.Item1, end.Item2))).ToArray());

    [Fact]
    public void Nobody_has_a_longer_log_than_the_heir_and_all_agree_who_it_is() =>
        Gen.Select(Survivors, Gen.Int[0, 4]).Sample((survivors, turned) =>
        {
            var heir = Succession.Heir(survivors.Length, survivors);
            var last = survivors.Single(each => each.Node == heir).Last;
            var longest = survivors.Max(each => (each.Last.Term, each.Last.Index));
            return longest == (last.Term, last.Index)
                && heir == Succession.Heir(survivors.Length, [.. survivors.Skip(turned), .. survivors.Take(turned)]);
        });

    [Theory]
    [InlineData(3, 1)]
    [InlineData(4, 2)]
    [InlineData(5, 2)]
    public void A_minority_has_no_heir(int voters, int survivors) => Assert.Null(Succession.Heir(
        voters, [.. Enumerable.Range(1, survivors).Select(number => (new NodeId($"n{number}"), new LogPosition(1, 1)))]));

    [Fact]
    public async Task A_leader_whose_process_is_gone_is_succeeded_long_before_any_timeout()
    {
        await using var cluster = await StartPatientAsync();
        var first = cluster.Nodes[0];
        await ElectAsync(cluster, first);
        await cluster.AppendAsync("before");
        await cluster.ConvergedAsync();

        await cluster.CrashNodeAsync(first);

        Assert.NotEqual(first, await cluster.LeaderAsync());
        await cluster.AppendAsync("after");
        Assert.Equal(["before", "after"], await cluster.ConvergedAsync());
    }

    [Fact]
    public async Task A_link_that_breaks_proves_nothing_and_the_leader_stays()
    {
        await using var cluster = await StartPatientAsync();
        var (first, second, third) = (cluster.Nodes[0], cluster.Nodes[1], cluster.Nodes[2]);
        await ElectAsync(cluster, first);
        await cluster.AppendAsync("before");
        await cluster.ConvergedAsync();
        var term = cluster.Group(first).Term;

        cluster.Gate.Isolate(first, [second]);
        await cluster.AppendAsync("meanwhile");
        cluster.Gate.Heal();
        await cluster.AppendAsync("after");

        await cluster.ConvergedAsync();
        Assert.True(cluster.Group(first).IsLeader);
        Assert.All([first, second, third], node => Assert.Equal(term, cluster.Group(node).Term));
    }

    /// <summary>Nobody stands for election by himself while a test waits for anything.</summary>
    private static Task<RaftTestCluster> StartPatientAsync() => RaftTestCluster.StartAsync(configure: options => options with
    {
        Timings = new RaftTimings { ElectionMin = 5 * RaftTestCluster.Patience, ElectionMax = 6 * RaftTestCluster.Patience, HeartbeatShare = 0.001 },
    });

    private static async Task ElectAsync(RaftTestCluster cluster, NodeId node)
    {
        foreach (var other in cluster.Nodes.Where(other => other != node))
        {
            await cluster.Group(other).Transfer.StandAsideAsync();
        }

        await cluster.Group(node).Transfer.StandForElectionAsync(CancellationToken.None);
        await RaftTestCluster.EventuallyAsync(() => cluster.Group(node).IsLeader, $"{node} to lead");
        await RaftTestCluster.EventuallyAsync(() => cluster.Nodes.All(each => cluster.Group(each).Leader == node), $"all to know that {node} leads");
    }
}
