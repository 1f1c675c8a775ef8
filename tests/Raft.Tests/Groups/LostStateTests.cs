using KvRaft.Raft.Catchup;
using KvRaft.Raft.Consensus;
using KvRaft.Raft.Groups;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Peers;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Groups;

/// <summary>A replica whose state is damaged and whose log is complete: it votes and acknowledges, leads nothing, and copies another replica's state.</summary>
public sealed class LostStateTests
{
    private const int Commands = 20;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_replica_that_lost_its_state_copies_another_and_replays_its_own_log(int lost)
    {
        await using var cluster = await FlushedAsync();
        var losers = cluster.Nodes.Take(lost).ToArray();
        foreach (var node in losers)
        {
            await cluster.StopNodeAsync(node);
            cluster.DeleteState(node);
        }

        foreach (var node in losers)
        {
            await cluster.StartNodeAsync(node);
        }

        await cluster.AppendAsync("after");
        var commands = await cluster.ConvergedAsync();

        Assert.Equal([.. Enumerable.Range(0, Commands).Select(static number => $"c{number}"), "after"], commands);
        Assert.All(losers, node => Assert.Null(cluster.Group(node).Fault));
    }

    /// <summary>
    /// The third voter is down, and the only complete replica cannot make a copy for now. The group has a majority only because the replica without a state takes
    /// part, so that replica must not stop.
    /// </summary>
    [Fact]
    public async Task A_replica_without_a_state_votes_and_acknowledges_and_does_not_lead()
    {
        await using var cluster = await FlushedAsync();
        var (whole, away, loser) = (cluster.Nodes[0], cluster.Nodes[1], cluster.Nodes[2]);
        await cluster.StopNodeAsync(away);
        await cluster.StopNodeAsync(loser);
        cluster.DeleteState(loser);
        cluster.Machine(whole).CheckpointFault = new StorageException("not now");

        await cluster.StartNodeAsync(loser);
        for (var number = 0; number < Commands; number++)
        {
            await cluster.AppendAsync($"w{number}");
        }

        var status = cluster.Group(loser).Status();
        Assert.Equal(whole, await cluster.LeaderAsync());
        Assert.Equal(ReplicaState.Rebuilding, status.State);
        Assert.Equal(0, status.Applied.Index);
        Assert.True(status.LastIndex >= 2 * Commands, $"its log ends at {status.LastIndex}");
        Assert.False(cluster.Group(loser).IsRunning);

        cluster.Machine(whole).CheckpointFault = null;
        await RaftTestCluster.EventuallyAsync(() => cluster.Group(loser).IsRunning, "the replica to serve again");
        await cluster.AppendAsync("last");
        Assert.Equal(cluster.Machine(whole).Commands, await cluster.ConvergedAsync());
    }

    [Fact]
    public async Task A_leader_with_a_damaged_state_is_replaced_at_once_and_serves_again_later()
    {
        await using var cluster = await FlushedAsync();
        var leader = await cluster.LeaderAsync();
        var group = cluster.Group(leader);
        var failed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        group.Failed += () => failed.TrySetResult();
        var applied = cluster.Machine(leader).Applied.Index;

        cluster.Machine(leader).Report(new StorageCorruptionException("block checksum mismatch"));
        await failed.Task.WaitAsync(RaftTestCluster.Patience);

        Assert.Equal(ReplicaLoss.State, group.Failure?.Loss);
        Assert.Equal(ReplicaState.Failed, group.Status().State);
        Assert.NotEqual(leader, await cluster.LeaderAsync());
        var seen = cluster.Group(await cluster.LeaderAsync());
        var reopened = await cluster.ReopenWithoutStateAsync(leader, spec => spec with { StateLostBecause = "block checksum mismatch", AppliedBefore = applied });
        await RaftTestCluster.EventuallyAsync(() => reopened.IsRunning, "the replica to serve again");
        Assert.True(reopened.Machine.Applied.Index >= applied);
        await cluster.AppendAsync("after");
        Assert.Equal(((JournalMachine)seen.Machine).Commands, await cluster.ConvergedAsync());
    }

    // A node that waited for its replicas waited for ever, if the last entry that readers had seen was applied after the rebuild.
    [Fact]
    public async Task A_replica_announces_that_it_has_applied_what_its_readers_had_seen()
    {
        await using var cluster = await FlushedAsync();
        var leader = await cluster.LeaderAsync();
        var failed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        cluster.Group(leader).Failed += () => failed.TrySetResult();
        cluster.Machine(leader).Report(new StorageCorruptionException("block checksum mismatch"));
        await failed.Task.WaitAsync(RaftTestCluster.Patience);
        await cluster.LeaderAsync();

        var seen = cluster.Group(await cluster.LeaderAsync()).Machine.Applied.Index + 1;
        var reopened = await cluster.ReopenWithoutStateAsync(leader, spec => spec with { StateLostBecause = "block checksum mismatch", AppliedBefore = seen });
        await RaftTestCluster.EventuallyAsync(() => reopened.Status().State == ReplicaState.CatchingUp, "the replica to wait for what its readers had seen");
        var serves = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        reopened.LeadershipChanged += () =>
        {
            if (reopened.IsRunning)
            {
                serves.TrySetResult();
            }
        };

        await cluster.AppendAsync("seen");

        await serves.Task.WaitAsync(RaftTestCluster.Patience);
    }

    [Fact]
    public async Task All_replicas_without_a_state_report_it_and_serve_nothing()
    {
        await using var cluster = await FlushedAsync();
        foreach (var node in cluster.Nodes)
        {
            await cluster.StopNodeAsync(node);
            cluster.DeleteState(node);
        }

        foreach (var node in cluster.Nodes)
        {
            await cluster.StartNodeAsync(node);
        }

        await RaftTestCluster.EventuallyAsync(
            () => cluster.Nodes.All(node => cluster.Group(node).Fault?.Message.Contains("every replica of the group has lost its state", StringComparison.Ordinal) == true),
            "every replica to say that there is nothing to copy");
        Assert.All(cluster.Nodes, node => Assert.False(cluster.Group(node).IsRunning));
    }

    [Theory]
    [InlineData(10, 10, true)]
    [InlineData(10, 9, false)]
    public void A_state_that_ends_before_the_log_begins_is_not_copied(long logStart, long applied, bool isSource) =>
        Assert.Equal(isSource, RescueRules.StateSource(logStart, [Peer("a", applied)]) is not null);

    [Fact]
    public void The_complete_replica_that_is_furthest_ahead_is_copied_and_of_equals_a_follower() => Assert.Equal(
        new NodeId("c"),
        RescueRules.StateSource(5, [Peer("a", 9, isWhole: false), Peer("b", 8, isLeader: true), Peer("c", 8), Peer("d", 7)])?.Node);

    private static (GroupVoter Voter, PeerStatus Status) Peer(string node, long applied, bool isWhole = true, bool isLeader = false) =>
        (new GroupVoter(new NodeId(node), 1), new PeerStatus(1, isLeader, 1, 0, 0, applied, applied, applied, true, IsWhole: isWhole));

    /// <summary>A cluster whose logs begin after the first entries: a lost state cannot be replayed from them.</summary>
    private static async Task<RaftTestCluster> FlushedAsync()
    {
        var cluster = await RaftTestCluster.StartAsync(configure: static options => options with { LogEntriesKept = 0 });
        for (var number = 0; number < Commands; number++)
        {
            await cluster.AppendAsync($"c{number}");
        }

        await cluster.ConvergedAsync();
        foreach (var node in cluster.Nodes)
        {
            await cluster.Group(node).FlushAsync(keepEntries: 0, CancellationToken.None);
            Assert.True(cluster.Group(node).Status().LogStart.Index >= Commands);
        }

        return cluster;
    }
}
