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
        Gen.Select(Survivors, Gen.Int[0, 4], Gen.Int[0, 1023]).Sample((survivors, turned, number) =>
        {
            var (group, voters) = (new GroupId(number), survivors.Select(each => each.Node).ToArray());
            var heir = Succession.Heir(group, voters, survivors);
            var last = survivors.Single(each => each.Node == heir).Last;
            var longest = survivors.Max(each => (each.Last.Term, each.Last.Index));
            return longest == (last.Term, last.Index)
                && heir == Succession.Heir(group, [.. voters.Reverse()], [.. survivors.Skip(turned), .. survivors.Take(turned)]);
        });

    [Theory]
    [InlineData(3, 1)]
    [InlineData(4, 2)]
    [InlineData(5, 2)]
    public void A_minority_has_no_heir(int voters, int survivors) =>
        Assert.Null(Succession.Heir(new GroupId(1), Nodes(voters), [.. Nodes(survivors).Select(node => (node, new LogPosition(1, 1)))]));

    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    public void The_groups_of_a_dead_leader_are_shared_among_the_others(int voters)
    {
        // All of them used to go to the first by name, which then had as many elections to win at once.
        var nodes = Nodes(voters);
        var shares = Enumerable.Range(0, 64 * voters).CountBy(number => Succession.Heir(
            new GroupId(number), nodes, [.. nodes.Skip(1).Select(node => (node, new LogPosition(1, 1)))])!.Value).ToArray();
        Assert.Equal(voters - 1, shares.Length);
        Assert.All(shares, share => Assert.InRange(share.Value, 64, 128));
    }

    [Fact]
    public async Task A_leader_whose_process_is_gone_is_succeeded_long_before_any_timeout()
    {
        await using var cluster = await StartPatientAsync();
        await cluster.CrashNodeAsync(cluster.Nodes[0]);
        await GoesOnWithoutTheFirstAsync(cluster);
    }

    /// <summary>What was missing at first, an answer or a vote, cost a whole election timeout: one failover in fifty took two seconds.</summary>
    [Fact]
    public async Task Whoever_could_not_succeed_at_once_tries_again()
    {
        await using var cluster = await StartPatientAsync();
        var (first, second, third) = (cluster.Nodes[0], cluster.Nodes[1], cluster.Nodes[2]);

        // Neither of the two hears the other, so neither is an heir.
        cluster.Gate.Isolate(second, [third]);
        var (there, back) = (cluster.Gate.Refused(second, third), cluster.Gate.Refused(third, second));
        await cluster.CrashNodeAsync(first);
        await RaftTestCluster.EventuallyAsync(
            () => cluster.Gate.Refused(second, third) > there && cluster.Gate.Refused(third, second) > back, "both to have asked in vain");
        cluster.Gate.Heal();
        await GoesOnWithoutTheFirstAsync(cluster);
    }

    [Fact]
    public async Task A_link_that_breaks_proves_nothing_and_the_leader_stays()
    {
        await using var cluster = await StartPatientAsync();
        var (first, second, third) = (cluster.Nodes[0], cluster.Nodes[1], cluster.Nodes[2]);
        var term = cluster.Group(first).Term;

        cluster.Gate.Isolate(first, [second]);
        await cluster.AppendAsync("meanwhile");
        cluster.Gate.Heal();
        await cluster.AppendAsync("after");

        await cluster.ConvergedAsync();
        Assert.True(cluster.Group(first).IsLeader);
        Assert.All([first, second, third], node => Assert.Equal(term, cluster.Group(node).Term));
    }

    /// <summary>
    /// Led by the first of three nodes, with one command that all have applied. Nobody stands for election by himself while a test waits for anything.
    /// </summary>
    private static async Task<RaftTestCluster> StartPatientAsync()
    {
        var cluster = await RaftTestCluster.StartAsync(configure: options => options with
        {
            Timings = new RaftTimings { ElectionMin = 5 * RaftTestCluster.Patience, ElectionMax = 6 * RaftTestCluster.Patience, HeartbeatShare = 0.001 },
        });
        await ElectAsync(cluster, cluster.Nodes[0]);
        await cluster.AppendAsync("before");
        await cluster.ConvergedAsync();
        return cluster;
    }

    private static async Task GoesOnWithoutTheFirstAsync(RaftTestCluster cluster)
    {
        Assert.NotEqual(cluster.Nodes[0], await cluster.LeaderAsync());
        await cluster.AppendAsync("after");
        Assert.Equal(["before", "after"], await cluster.ConvergedAsync());
    }

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

    private static NodeId[] Nodes(int count) => [.. Enumerable.Range(1, count).Select(static number => new NodeId($"n{number}"))];
}
