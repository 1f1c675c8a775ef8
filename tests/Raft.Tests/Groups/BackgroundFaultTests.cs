using KvRaft.Raft.Background;
using KvRaft.Raft.Catchup;
using KvRaft.Raft.Consensus;
using KvRaft.Raft.Groups;
using KvRaft.Raft.Membership;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Groups;

/// <summary>
/// An exception that a loop does not handle used to end the loop silently: a node without housekeeping kept its whole log, and a node without heartbeats did not detect the loss of a leader.
/// </summary>
public sealed class BackgroundFaultTests
{
    [Fact]
    public async Task A_fault_in_the_housekeeping_of_one_replica_stops_that_replica_and_no_other()
    {
        await using var cluster = await RaftTestCluster.StartAsync(nodes: 1, groups: 2);
        var node = cluster.Nodes[0];
        await cluster.AppendAsync("before", group: 1);
        await cluster.AppendAsync("before", group: 2);
        var rounds = 0;
        cluster.Machine(node, 1).Probing = static () => throw new InvalidOperationException("planted");
        await RaftTestCluster.EventuallyAsync(() => cluster.Group(node, 1).Failure is not null, "the replica to fail");
        Assert.Equal(new ReplicaFault(ReplicaLoss.Stopped, "planted"), cluster.Group(node, 1).Failure);
        Assert.Equal(ReplicaState.Failed, cluster.Group(node, 1).Status().State);
        Assert.Equal("planted", cluster.Group(node, 1).Status().Note);

        // The loop of the node continues.
        cluster.Machine(node, 2).Probing = () => Interlocked.Increment(ref rounds);
        await RaftTestCluster.EventuallyAsync(() => Volatile.Read(ref rounds) >= 2, "the housekeeping of the other replica");
        await cluster.AppendAsync("after", group: 2);
        Assert.False(cluster.Host(node).Fault.IsCompleted);
    }

    [Fact]
    public async Task A_fault_in_the_work_for_all_groups_ends_the_node()
    {
        await using var cluster = await RaftTestCluster.StartAsync();
        await cluster.AppendAsync("before");
        var (node, other) = (cluster.Nodes[0], cluster.Nodes[1]);
        cluster.Host(node).Watch.Gone += static _ => throw new InvalidOperationException("planted");
        cluster.Host(node).Watch.Silent += static _ => throw new InvalidOperationException("planted");
        var fault = cluster.Host(node).Fault;
        Assert.False(fault.IsCompleted);
        await cluster.StopNodeAsync(other);
        var seen = await Assert.ThrowsAsync<BackgroundFaultException>(() => fault.WaitAsync(RaftTestCluster.Patience));
        Assert.Contains("planted", seen.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_replica_that_closes_is_not_a_fault()
    {
        await using var cluster = await RaftTestCluster.StartAsync(groups: 3);
        await cluster.AppendAsync("before");
        var faults = cluster.Nodes.Select(node => cluster.Host(node).Fault).ToArray();
        foreach (var node in cluster.Nodes)
        {
            await cluster.StopNodeAsync(node);
        }

        Assert.All(faults, static fault => Assert.False(fault.IsCompleted));
    }

    [Fact]
    public async Task A_replica_that_failed_does_not_come_back_by_the_end_of_a_copy()
    {
        await using var cluster = await RaftTestCluster.StartAsync(nodes: 1);
        await cluster.AppendAsync("before");
        var group = cluster.Group(cluster.Nodes[0]);
        Assert.True(((ICatchingUpGroup)group).TryEnter(ReplicaState.Running, ReplicaState.CatchingUp));
        group.Fail(new InvariantException("planted"));
        Assert.False(((ICatchingUpGroup)group).TryEnter(ReplicaState.CatchingUp, ReplicaState.Running));
        Assert.Equal(ReplicaState.Failed, group.Status().State);
    }
}
