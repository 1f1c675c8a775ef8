using KvRaft.Raft.Runs;

namespace KvRaft.Raft.Tests.Groups;

/// <summary>A data directory that is an older copy of itself, and two processes with copies of one.</summary>
public sealed class CopiedDirectoryTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_older_copy_of_a_directory_is_refused_and_nothing_is_lost_while_a_third_node_is_away(bool isCopiedWhileItRuns)
    {
        await using var cluster = await RaftTestCluster.StartAsync();
        await cluster.AppendAsync("old");
        await cluster.ConvergedAsync();
        var leader = await cluster.LeaderAsync();
        var rolledBack = cluster.Nodes.First(node => node != leader);
        var other = cluster.Nodes.First(node => node != leader && node != rolledBack);
        string copy;
        if (isCopiedWhileItRuns)
        {
            copy = cluster.CopyDirectoryOf(rolledBack);
        }
        else
        {
            await cluster.StopNodeAsync(rolledBack);
            copy = cluster.CopyDirectoryOf(rolledBack);
            await cluster.StartNodeAsync(rolledBack);
        }

        // While the other follower is down, all of it is acknowledged by the leader and the copied node.
        await cluster.StopNodeAsync(other);
        for (var number = 0; number < 20; number++)
        {
            await cluster.AppendAsync($"new{number}");
        }

        var seen = cluster.Host(rolledBack).Log.BatchFound;
        await RaftTestCluster.EventuallyAsync(
            () => cluster.Host(leader).Runs.Of(rolledBack) is { } known && (!isCopiedWhileItRuns || known.LogBatch > seen + 20), "the leader to receive the position of the log");
        await cluster.StopNodeAsync(rolledBack);
        cluster.RestoreDirectoryOf(rolledBack, copy);
        var refusal = await Assert.ThrowsAsync<RunRefusedException>(() => cluster.StartNodeAsync(rolledBack));
        Assert.Contains("older copy", refusal.Message, StringComparison.Ordinal);
        Assert.EndsWith($"then: kvctl node replace {rolledBack} NEW --now --wait", refusal.Message, StringComparison.Ordinal);

        await cluster.StartNodeAsync(other);
        await cluster.AppendAsync("last");
        Assert.Equal(22, (await cluster.ConvergedAsync()).Count);
    }

    [Fact]
    public async Task An_older_copy_that_started_alone_is_refused_by_the_first_node_with_a_newer_record()
    {
        await using var cluster = await RaftTestCluster.StartAsync();
        await cluster.AppendAsync("old");
        await cluster.ConvergedAsync();
        var rolledBack = cluster.Nodes[0];
        await cluster.StopNodeAsync(rolledBack);
        var copy = cluster.CopyDirectoryOf(rolledBack);
        await cluster.StartNodeAsync(rolledBack);
        await cluster.AppendAsync("new");
        await cluster.ConvergedAsync();
        foreach (var node in cluster.Nodes)
        {
            await cluster.StopNodeAsync(node);
        }

        cluster.RestoreDirectoryOf(rolledBack, copy);
        await cluster.StartNodeAsync(rolledBack);
        var refused = cluster.Host(rolledBack).Refusal;
        await cluster.StartNodeAsync(cluster.Nodes[1]);
        await cluster.StartNodeAsync(cluster.Nodes[2]);
        await Assert.ThrowsAsync<RunRefusedException>(() => refused.WaitAsync(RaftTestCluster.Patience));
        await cluster.StopNodeAsync(rolledBack);
        await cluster.AppendAsync("last");
        Assert.Equal(3, (await cluster.ConvergedAsync()).Count);
    }

    [Fact]
    public async Task A_second_process_on_a_copy_is_refused_while_the_first_runs_on()
    {
        await using var cluster = await RaftTestCluster.StartAsync();
        await cluster.AppendAsync("old");
        await cluster.ConvergedAsync();
        var first = cluster.Nodes[0];
        var copy = cluster.CopyDirectoryOf(first);
        var run = cluster.Host(first).Runs.Self;
        await RaftTestCluster.EventuallyAsync(
            () => cluster.Nodes.Skip(1).All(node => cluster.Host(node).Watch.IsConnected(first, run.Id)), "the others to connect to the first process");
        await Assert.ThrowsAsync<RunRefusedException>(() => cluster.StartHostAsync(first, copy));
        await cluster.AppendAsync("new");
        Assert.Equal(2, (await cluster.ConvergedAsync()).Count);
        Assert.False(cluster.Host(first).Refusal.IsFaulted);
    }

    [Fact]
    public async Task A_cluster_that_starts_as_a_whole_refuses_no_node()
    {
        await using var cluster = await RaftTestCluster.StartAsync();
        for (var round = 0; round < 3; round++)
        {
            await cluster.AppendAsync($"a{round}");
            await cluster.ConvergedAsync();
            foreach (var node in cluster.Nodes)
            {
                await cluster.CrashNodeAsync(node);
            }

            await Task.WhenAll(cluster.Nodes.Select(cluster.StartNodeAsync));
        }

        await cluster.AppendAsync("last");
        Assert.Equal(4, (await cluster.ConvergedAsync()).Count);
        Assert.All(cluster.Nodes, node => Assert.False(cluster.Host(node).Refusal.IsFaulted));
    }
}
