using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Log;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Reads;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Groups;

/// <summary>The quorum confirmation that a majority has voted in no later term: which leader gets it, and which no longer does.</summary>
public sealed class TermQuorumTests
{
    [Fact]
    public async Task A_majority_confirms_until_a_later_leader_is_elected()
    {
        await using var cluster = await RaftTestCluster.StartAsync();
        var old = await cluster.LeaderAsync();
        var term = cluster.Group(old).Term;
        Assert.True(await HoldsAsync(cluster, old, term));

        await cluster.Group(old).ResignAsync(CancellationToken.None);
        var next = await RaftTestCluster.EventuallyAsync(
            () => cluster.Nodes.Where(node => cluster.Group(node) is { IsLeader: true } group && group.Term > term).Cast<NodeId?>().FirstOrDefault(), "a leader of a later term");

        // For a query on behalf of the old term: a majority is beyond it now.
        foreach (var node in cluster.Nodes)
        {
            Assert.False(await HoldsAsync(cluster, node, term));
        }

        Assert.True(await HoldsAsync(cluster, next, cluster.Group(next).Term));
    }

    [Fact]
    public async Task One_of_two_others_is_enough_and_none_is_not()
    {
        await using var cluster = await RaftTestCluster.StartAsync();
        var leader = await cluster.LeaderAsync();
        var term = cluster.Group(leader).Term;
        var others = cluster.Nodes.Where(node => node != leader).ToArray();
        await cluster.StopNodeAsync(others[0]);
        Assert.True(await HoldsAsync(cluster, leader, term));
        await cluster.CrashNodeAsync(others[1]);
        Assert.False(await HoldsAsync(cluster, leader, term));

        // The node is queried over a new connection once it is back.
        await cluster.StartNodeAsync(others[1]);
        await RaftTestCluster.EventuallyAsync(() => cluster.Nodes.Any(node => node != others[0] && cluster.Group(node).IsLeader), "a leader");
        var back = await cluster.LeaderAsync();
        Assert.True(await HoldsAsync(cluster, back, cluster.Group(back).Term));
    }

    [Fact]
    public async Task Another_incarnation_or_an_earlier_term_does_not_count()
    {
        await using var cluster = await RaftTestCluster.StartAsync();
        var group = cluster.Group(await cluster.LeaderAsync());
        var replica = new ReplicaKey(group.Id, group.Incarnation);
        Assert.True(group.IsStillIn(new TermQuestion(replica, group.Term)));
        Assert.True(group.IsStillIn(new TermQuestion(replica, group.Term + 1)));
        Assert.False(group.IsStillIn(new TermQuestion(replica, group.Term - 1)));
        Assert.False(group.IsStillIn(new TermQuestion(replica with { Incarnation = 2 }, group.Term)));
        await group.DisposeAsync();
        Assert.False(group.IsStillIn(new TermQuestion(replica, group.Term)));
    }

    /// <summary>
    /// A read of a follower waits until the index in the proof is committed there, too. When the proof was only the voters' quorum confirmation, the read waited for the next
    /// heartbeat, as did every node that follows group 0.
    /// </summary>
    [Fact]
    public async Task A_confirmed_leader_has_sent_its_commit_index_to_a_majority()
    {
        await using var cluster = await RaftTestCluster.StartAsync();
        for (var number = 0; number < 10; number++)
        {
            await cluster.AppendAsync($"c{number}");
            var leader = await cluster.LeaderAsync();
            var proof = await cluster.Group(leader).ProveLeadershipAsync(CancellationToken.None);
            Assert.Contains(cluster.Nodes, node => node != leader && cluster.Group(node).CommitIndex >= proof.CommitIndex);
        }
    }

    /// <summary>
    /// A leader that was paused resumes and receives its successor's message: the library first adopts the later term and stops leading when that is on disk. A read
    /// in between took the successor's term for the leader's own. A majority confirmed that it had seen no higher term, and the read returned the state that the old leader had when it was
    /// paused.
    /// </summary>
    [Fact]
    public async Task A_leader_with_a_higher_term_does_not_request_a_confirmation_of_that_term()
    {
        await using var cluster = await RaftTestCluster.StartAsync();
        var old = cluster.Group(await cluster.LeaderAsync());
        await cluster.AppendAsync("old");
        Assert.Equal(ReadBarrierStatus.Passed, (await old.ReadBarrierAsync(CancellationToken.None)).Status);

        var state = (IPersistentState)old.Cluster.AuditTrail;
        await state.UpdateTermAsync(old.Term + 1, resetLastVote: true, CancellationToken.None);

        Assert.Equal(ReadBarrierStatus.NotLeader, (await old.ReadBarrierAsync(CancellationToken.None)).Status);
        Assert.False(old.IsLeader);
    }

    private static async Task<bool> HoldsAsync(RaftTestCluster cluster, NodeId node, long term) =>
        await new TermQuorum(cluster.Group(node).Cluster, cluster.Host(node).WitnessAt).HoldsAsync(term).WaitAsync(RaftTestCluster.Patience)
        && cluster.Group(node).Term == term;
}
