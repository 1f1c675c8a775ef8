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

        last = cluster.Group(follower).Status().LastIndex;
        for (var number = 0; number < 20; number++)
        {
            await cluster.AppendAsync($"w{number}");
        }

        var status = cluster.Group(follower).Status();
        if (follower != await cluster.LeaderAsync())
        {
            Assert.True(status.LastIndex <= last + 2, $"its log grew from {last} to {status.LastIndex}");
        }

        Assert.Equal("the disk of its node is full", status.Note);
        Assert.True(cluster.Group(follower).IsRunning);
        Assert.False(cluster.Host(follower).Failure.IsCompleted);

        full.Clear();
        await cluster.AppendAsync("last");
        Assert.Contains("w19", await cluster.ConvergedAsync());
        Assert.Null(cluster.Group(follower).Status().Note);
        Assert.NotEqual(default, next);
    }
}
