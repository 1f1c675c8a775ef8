using System.Collections.Concurrent;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Groups;

/// <summary>A node whose disk is full: its replicas accept no entries, but vote; no replica or node stops.</summary>
public sealed class FullDiskTests
{
    [Fact]
    public async Task A_follower_with_a_full_disk_refuses_entries_but_votes_and_catches_up_later()
    {
        var full = new ConcurrentDictionary<NodeId, bool>();
        await using var cluster = await RaftTestCluster.StartAsync(configure: options => options with
        {
            MayGrow = () => !full.ContainsKey(options.NodeId),
        });
        await cluster.AppendAsync("before");
        await cluster.ConvergedAsync();
        var leader = await cluster.LeaderAsync();
        var follower = cluster.Nodes.First(node => node != leader);
        full[follower] = true;
        var last = cluster.Group(follower).Status().LastIndex;

        // A vote and the first entry of a term need almost no space: the two remaining nodes have a leader.
        await cluster.StopNodeAsync(leader);
        var next = await cluster.LeaderAsync();
        Assert.True(cluster.Group(follower).Status().LastIndex > last);
        await cluster.StartNodeAsync(leader);

        // Until it transfers leadership, a leader writes its own clients' commands into the rest of its log: only what it took as a follower counts.
        var status = cluster.Group(follower).Status();
        var written = new List<string>();
        using var patience = new CancellationTokenSource(RaftTestCluster.Patience);
        while (true)
        {
            var (first, term) = (status.LastIndex, status.Term);
            var followed = await cluster.LeaderAsync() != follower;
            for (var number = 0; number < 20; number++)
            {
                written.Add(await cluster.AppendAsync($"w{written.Count}"));
            }

            status = cluster.Group(follower).Status();
            if (followed && status.Term == term)
            {
                // The first entry of the term may have been on its way.
                Assert.InRange(status.LastIndex, first, first + 1);
                break;
            }

            Assert.False(patience.IsCancellationRequested, "a replica without room goes on leading");
        }

        Assert.Equal("the disk of its node is full", status.Note);
        Assert.True(cluster.Group(follower).IsRunning);
        Assert.False(cluster.Host(follower).Failure.IsCompleted);

        full.Clear();
        await cluster.AppendAsync("last");
        Assert.ProperSubset((await cluster.ConvergedAsync()).ToHashSet(), written.ToHashSet());
        Assert.Null(cluster.Group(follower).Status().Note);
        Assert.NotEqual(default, next);
    }
}
