using System.Text;
using KvRaft.Raft.Groups;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Proposals;
using KvRaft.Raft.Reads;
using KvRaft.Storage;

namespace KvRaft.Raft.Tests.Groups;

public sealed class ReplicationTests
{
    [Fact]
    public async Task A_command_is_applied_once_on_every_replica()
    {
        await using var cluster = await RaftTestCluster.StartAsync();
        for (var number = 0; number < 20; number++)
        {
            await cluster.AppendAsync($"c{number}");
        }

        Assert.Equal(Enumerable.Range(0, 20).Select(number => $"c{number}"), await cluster.ConvergedAsync());
        Assert.True(cluster.Proof.Checked > 0);
    }

    [Fact]
    public async Task Many_callers_share_few_entries_and_each_gets_its_own_outcome()
    {
        await using var cluster = await RaftTestCluster.StartAsync();
        var leader = await cluster.LeaderAsync();
        var group = cluster.Group(leader);
        var before = group.Status().LastIndex;

        var results = await Task.WhenAll(Enumerable.Range(0, 1000).Select(
            number => group.ProposeAsync(Encoding.UTF8.GetBytes($"c{number}"), CancellationToken.None).AsTask()));

        Assert.All(results, result => Assert.Equal(ProposalStatus.Applied, result.Status));
        Assert.Equal(1000, results.Select(result => ((JournalOutcome)result.Outcome!).Count).Distinct().Count());
        Assert.InRange(group.Status().LastIndex - before, 1, 500);
    }

    [Fact]
    public async Task A_follower_refuses_and_names_the_leader()
    {
        await using var cluster = await RaftTestCluster.StartAsync();
        await cluster.AppendAsync("first");
        var leader = await cluster.LeaderAsync();
        var follower = cluster.Nodes.First(node => node != leader);
        await RaftTestCluster.EventuallyAsync(() => cluster.Group(follower).Leader is not null, "the follower to know the leader");

        var result = await cluster.Group(follower).ProposeAsync("x"u8.ToArray(), CancellationToken.None);
        var barrier = await cluster.Group(follower).ReadBarrierAsync(CancellationToken.None);

        Assert.Equal((ProposalStatus.NotLeader, leader), (result.Status, result.Leader));
        Assert.Equal((ReadBarrierStatus.NotLeader, leader), (barrier.Status, barrier.Leader));
    }

    [Fact]
    public async Task An_isolated_leader_serves_no_read_and_its_write_is_decided_later()
    {
        await using var cluster = await RaftTestCluster.StartAsync();
        await cluster.AppendAsync("before");
        var old = await cluster.LeaderAsync();
        cluster.Gate.Isolate(old, cluster.Nodes);

        var stranded = cluster.Group(old).ProposeAsync("stranded"u8.ToArray(), CancellationToken.None).AsTask();
        var barrier = await cluster.Group(old).ReadBarrierAsync(CancellationToken.None);
        Assert.NotEqual(ReadBarrierStatus.Passed, barrier.Status);

        var next = await RaftTestCluster.EventuallyAsync(
            () => cluster.Nodes.Where(node => node != old && cluster.Group(node).IsLeader).Cast<Topology.NodeId?>().FirstOrDefault(), "another leader");
        var answer = await cluster.Group(next).ProposeAsync("after"u8.ToArray(), CancellationToken.None);
        Assert.Equal(ProposalStatus.Applied, answer.Status);
        cluster.Gate.Heal();

        // Another entry was committed at the index of the stranded one: it was certainly not executed.
        Assert.Equal(ProposalStatus.NotLeader, (await stranded.WaitAsync(RaftTestCluster.Patience)).Status);
        Assert.Equal(["before", "after"], await cluster.ConvergedAsync());
    }

    [Fact]
    public async Task A_caller_that_gives_up_after_the_proposal_gets_an_unknown_outcome()
    {
        await using var cluster = await RaftTestCluster.StartAsync();
        await cluster.AppendAsync("before");
        var leader = await cluster.LeaderAsync();
        cluster.Gate.Isolate(leader, cluster.Nodes);

        using var patience = new CancellationTokenSource();
        var proposal = cluster.Group(leader).ProposeAsync("lost"u8.ToArray(), patience.Token).AsTask();
        await RaftTestCluster.EventuallyAsync(() => cluster.Group(leader).Status().LastIndex > cluster.Group(leader).CommitIndex, "the entry to be appended");
        await patience.CancelAsync();

        Assert.Equal(ProposalStatus.Unknown, (await proposal).Status);
    }

    [Fact]
    public async Task A_failed_state_machine_stops_its_replica_and_the_others_continue()
    {
        await using var cluster = await RaftTestCluster.StartAsync();
        await cluster.AppendAsync("before");
        var leader = await cluster.LeaderAsync();
        cluster.Machine(leader).Fault = new IOException("the disk is gone");

        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        await cluster.Group(leader).ProposeAsync("poison"u8.ToArray(), limit.Token);
        await RaftTestCluster.EventuallyAsync(() => cluster.Group(leader).Status().State == ReplicaState.Failed, "the replica to fail");

        await cluster.AppendAsync("after");
        Assert.Equal("the disk is gone", cluster.Group(leader).Status().Note);
    }

    /// <summary>
    /// A node whose disk failed stopped half-way: the first state machine that could not flush kept all the others open, and the
    /// process ended with a stack trace instead of its own error.
    /// </summary>
    [Fact]
    public async Task A_state_that_cannot_be_flushed_is_closed_all_the_same_and_the_log_has_it()
    {
        await using var cluster = await RaftTestCluster.StartAsync(groups: 2);
        await cluster.AppendAsync("one", group: 1);
        await cluster.AppendAsync("two", group: 2);
        await cluster.ConvergedAsync(1);
        await cluster.ConvergedAsync(2);
        var node = cluster.Nodes[0];
        JournalMachine[] machines = [cluster.Machine(node, 1), cluster.Machine(node, 2)];
        foreach (var machine in machines)
        {
            machine.FlushFault = new StorageException("A flush failed: input/output error");
        }

        await cluster.StopNodeAsync(node);

        Assert.All(machines, machine => Assert.True(machine.IsDisposed));
        await cluster.StartNodeAsync(node);
        Assert.Contains("one", await cluster.ConvergedAsync(1));
        Assert.Contains("two", await cluster.ConvergedAsync(2));
    }
}
