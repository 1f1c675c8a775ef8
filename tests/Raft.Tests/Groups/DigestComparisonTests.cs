using KvRaft.Raft.Groups;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Peers;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Groups;

public sealed class DigestComparisonTests
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(200);

    [Fact]
    public async Task A_replica_that_differs_from_the_majority_leaves_its_group_while_writes_go_on()
    {
        await using var cluster = await StartAsync(nodes: 3);
        using var stop = new CancellationTokenSource();
        var writing = WriteAsync(cluster, stop.Token);
        var odd = await FollowerAsync(cluster);
        cluster.Machine(odd).Falsify();
        await RaftTestCluster.EventuallyAsync(() => cluster.Group(odd).Status().State == ReplicaState.Failed, "the replica to leave its group");
        Assert.Contains("replicas differ at index", cluster.Group(odd).Status().Note, StringComparison.Ordinal);
        Assert.Equal(1, cluster.Host(odd).DigestMismatches);
        await stop.CancelAsync();
        await writing;
        await cluster.AppendAsync("last");

        // Both replicas may have reported an earlier comparison without the third one.
        await RaftTestCluster.EventuallyAsync(
            () => cluster.Nodes.Where(node => node != odd).All(node => cluster.Group(node).Status().Note is null), "the others to show nothing");
    }

    [Fact]
    public async Task A_leader_that_differs_from_the_majority_hands_over()
    {
        await using var cluster = await StartAsync(nodes: 3);
        await cluster.AppendAsync("first");
        var odd = await cluster.LeaderAsync();
        cluster.Machine(odd).Falsify();
        await cluster.AppendAsync("second");
        await RaftTestCluster.EventuallyAsync(() => cluster.Group(odd).Status().State == ReplicaState.Failed, "the leader to leave its group");
        await RaftTestCluster.EventuallyAsync(() => cluster.Nodes.Any(node => node != odd && cluster.Group(node).IsLeader), "another leader");
    }

    [Fact]
    public async Task Without_a_majority_both_replicas_report_the_difference_and_continue()
    {
        await using var cluster = await StartAsync(nodes: 2);
        await cluster.AppendAsync("first");
        cluster.Machine(await FollowerAsync(cluster)).Falsify();
        await cluster.AppendAsync("second");
        await RaftTestCluster.EventuallyAsync(
            () => cluster.Nodes.All(node => cluster.Group(node).Status().Note?.Contains("replicas differ", StringComparison.Ordinal) == true), "both to say so");
        Assert.All(cluster.Nodes, node => Assert.Equal(ReplicaState.Running, cluster.Group(node).Status().State));
        await cluster.AppendAsync("third");
    }

    /// <summary>A node that lost its replica of group 0 would route nothing.</summary>
    [Fact]
    public async Task A_difference_in_group_0_is_reported_by_every_replica_and_removes_none()
    {
        const int Placement = 0;
        await using var cluster = await RaftTestCluster.StartAsync(3, firstGroup: Placement, configure: static options => options with { DigestPeriod = Period });
        await cluster.AppendAsync("first", Placement);
        var leader = await cluster.LeaderAsync(Placement);
        var odd = cluster.Nodes.First(node => node != leader);
        cluster.Machine(odd, Placement).Falsify();
        await cluster.AppendAsync("second", Placement);
        await RaftTestCluster.EventuallyAsync(
            () => cluster.Nodes.All(node => cluster.Group(node, Placement).Status().Note?.Contains($"{odd} ", StringComparison.Ordinal) == true), "all replicas to report it");
        Assert.All(cluster.Nodes, node => Assert.Equal(ReplicaState.Running, cluster.Group(node, Placement).Status().State));
        Assert.All(cluster.Nodes, node => Assert.Equal(1, cluster.Host(node).DigestMismatches));
        await cluster.AppendAsync("third", Placement);
    }

    [Fact]
    public async Task Equal_replicas_are_found_equal_under_load_and_are_not_compared_again_while_nothing_is_applied()
    {
        await using var cluster = await StartAsync(nodes: 3);
        using var stop = new CancellationTokenSource();
        var writing = WriteAsync(cluster, stop.Token);
        var leader = await cluster.LeaderAsync();
        await RaftTestCluster.EventuallyAsync(() => cluster.Machine(leader).DigestsTaken > 1, "two comparisons");
        await stop.CancelAsync();
        await writing;
        await cluster.ConvergedAsync();
        await RaftTestCluster.EventuallyAsync(() => !cluster.Group(leader).Comparison.IsWanted, "the last entry to be compared");
        Assert.All(cluster.Nodes, node => Assert.Null(cluster.Group(node).Status().Note));
        Assert.All(cluster.Nodes, node => Assert.Equal(0, cluster.Host(node).DigestMismatches));
    }

    /// <summary>Any node could remove every replica of a group by one message to each.</summary>
    [Fact]
    public async Task Only_the_leader_reports_a_differing_replica_and_only_with_a_reason()
    {
        await using var cluster = await RaftTestCluster.StartAsync();
        await cluster.AppendAsync("first");
        var leader = await cluster.LeaderAsync();
        var (victim, other) = (cluster.Nodes.First(node => node != leader), cluster.Nodes.Last(node => node != leader));
        await RaftTestCluster.EventuallyAsync(() => cluster.Group(victim).Leader == leader, "the replica to know its leader");

        await TellAsync(other, new DigestDiffersRequest(1, "a difference that another node made up", IsMinority: true));
        await TellAsync(other, new DigestDiffersRequest(1, "a difference that another node made up", IsMinority: false));
        Assert.Equal((ReplicaState.Running, null, 0), Seen());

        await Assert.ThrowsAsync<PeerRefusedException>(() => TellAsync(leader, new DigestDiffersRequest(1, "", IsMinority: true)));
        Assert.Equal((ReplicaState.Running, null, 0), Seen());

        await TellAsync(leader, new DigestDiffersRequest(1, "a difference", IsMinority: false));
        Assert.Equal((ReplicaState.Running, "a difference", 1), Seen());
        await TellAsync(other, new DigestDiffersRequest(1, null, IsMinority: false, IsWithdrawn: true));
        Assert.Equal((ReplicaState.Running, "a difference", 1), Seen());
        await TellAsync(leader, new DigestDiffersRequest(1, null, IsMinority: false, IsWithdrawn: true));
        Assert.Equal((ReplicaState.Running, null, 1), Seen());
        await TellAsync(leader, new DigestDiffersRequest(1, "a difference", IsMinority: true));
        Assert.Equal((ReplicaState.Failed, "a difference", 2), Seen());

        (ReplicaState State, string? Note, long Mismatches) Seen() =>
            (cluster.Group(victim).Status().State, cluster.Group(victim).Status().Note, cluster.Host(victim).DigestMismatches);

        async Task TellAsync(NodeId from, DigestDiffersRequest request)
        {
            using var peer = await PeerClient.ConnectAsync(cluster.Host(from).Dialer, victim, CancellationToken.None);
            await peer.AskAsync(
                PeerRequestKind.DigestDiffers, request, PeerJson.Default.DigestDiffersRequest, PeerJson.Default.NudgeAnswer, CancellationToken.None);
        }
    }

    private static Task<RaftTestCluster> StartAsync(int nodes) =>
        RaftTestCluster.StartAsync(nodes, configure: static options => options with { DigestPeriod = Period });

    private static async Task<NodeId> FollowerAsync(RaftTestCluster cluster)
    {
        var leader = await cluster.LeaderAsync();
        return cluster.Nodes.First(node => node != leader);
    }

    private static async Task WriteAsync(RaftTestCluster cluster, CancellationToken stop)
    {
        for (var number = 0; !stop.IsCancellationRequested; number++)
        {
            await cluster.AppendAsync($"w{number}");
        }
    }
}
