using KvRaft.Raft.Leadership;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Groups;

/// <summary>A replica's work for its leadership ends with the leadership, and with the replica; each of these loops ran without end or pause.</summary>
public sealed class LostLeadershipTests
{
    [Fact]
    public async Task A_leader_that_stepped_down_does_not_confirm_its_term()
    {
        await using var cluster = await RaftTestCluster.StartAsync();
        await cluster.AppendAsync("before");
        var (leader, others) = await IsolateLeaderAsync(cluster);
        await RaftTestCluster.EventuallyAsync(() => cluster.Group(leader).Leaders.HasStoodDown, "the leader to step down");
        await cluster.Group(leader).ConfirmLeadershipAsync().WaitAsync(RaftTestCluster.Patience);
        Assert.True(cluster.Group(leader).Leaders.HasStoodDown);
        Assert.All(others, node => Assert.False(cluster.IsUp(node)));
    }

    [Fact]
    public async Task A_search_for_a_leader_without_other_nodes_ends_when_its_group_closes()
    {
        await using var cluster = await RaftTestCluster.StartAsync();
        await cluster.AppendAsync("before");
        var (left, others) = await IsolateLeaderAsync(cluster);
        await RaftTestCluster.EventuallyAsync(
            () => cluster.Group(left).Leaders.IsVacant && others.All(cluster.Host(left).Watch.IsSilent), "the replica to be without a leader and without another node");

        // The search has no time limit here: it must end by the token.
        var group = cluster.Group(left);
        var host = cluster.Host(left);
        var search = new LeaderSearch(
            group, group.Transfer, host.Watch, new KvRaft.Raft.Peers.PeerSurvey(group.Id, host.Dialer, host.Options), host.Options.Timings with { ElectionMax = TimeSpan.FromDays(1) }, host.Options.Time,
            Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        using var closing = new CancellationTokenSource();
        var running = search.RunAsync(others[0], closing.Token);
        await closing.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running.WaitAsync(RaftTestCluster.Patience));
    }

    private static async Task<(NodeId Leader, NodeId[] Others)> IsolateLeaderAsync(RaftTestCluster cluster)
    {
        var leader = await cluster.LeaderAsync();
        NodeId[] others = [.. cluster.Nodes.Where(node => node != leader)];
        foreach (var node in others)
        {
            await cluster.CrashNodeAsync(node);
        }

        return (leader, others);
    }
}
