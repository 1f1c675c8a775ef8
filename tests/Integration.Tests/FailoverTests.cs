using KvRaft.Client;
using KvRaft.Integration.Tests.Processes;

namespace KvRaft.Integration.Tests;

public sealed class FailoverTests
{
    private const int GroupOfShardZero = 1;

    /// <summary>In every pull request the cell kill-leader/register covers the same and more (<c>chaos/run --tier pr</c>).</summary>
    [Trait("Category", "Long")]
    [Fact]
    public async Task A_killed_leader_is_replaced_and_takes_its_place_again()
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 1);
        await using var client = cluster.Client();
        var keyspace = client.TextKeyspace();
        await keyspace.PutAsync("before", "1");
        var leader = await cluster.LeaderAsync(GroupOfShardZero, cluster.Nodes);

        cluster.Kill(leader);
        await keyspace.PutAsync("during", "2");
        cluster.Start(leader);

        await CaughtUpAsync(cluster, leader);
        Assert.Equal(("1", "2"), ((await keyspace.GetAsync("before")).Value, (await keyspace.GetAsync("during")).Value));
    }

    /// <summary>
    /// The reads wait in its socket beside its successor's messages and are served while it processes those: in this moment a leader once answered from the state it had when
    /// it was paused.
    /// </summary>
    [Fact]
    public async Task A_paused_leader_is_replaced_and_answers_nothing_stale_when_it_wakes()
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 1);
        var leader = await cluster.LeaderAsync(GroupOfShardZero, cluster.Nodes);
        var others = cluster.Nodes.Where(node => node != leader).ToArray();
        await using var client = cluster.Client(others);
        await using var atOldLeader = KvClient.Connect(cluster.Options(leader) with { AttemptTimeout = TimeSpan.FromSeconds(30) });
        var keyspace = client.TextKeyspace();
        await keyspace.PutAsync("key", "old");
        Assert.Equal("old", (await atOldLeader.TextKeyspace().GetAsync("key")).Value);

        cluster.Pause(leader);
        await cluster.LeaderAsync(GroupOfShardZero, others);
        await keyspace.PutAsync("key", "new");
        var reads = Enumerable.Range(0, 64).Select(_ => atOldLeader.TextKeyspace().GetAsync("key").AsTask()).ToArray();
        cluster.Resume(leader);

        Assert.All(await Task.WhenAll(reads), read => Assert.Equal("new", read.Value));
    }

    /// <summary>In every pull request the cell power-all/set covers the same and more: there even the page cache is lost.</summary>
    [Trait("Category", "Long")]
    [Fact]
    public async Task All_nodes_killed_at_once_come_back_with_everything()
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 4);
        await using var writers = new Writers(cluster.Client(), count: 32);
        await writers.ReachedAsync(2_000);
        cluster.Kill([.. cluster.Nodes]);
        foreach (var node in cluster.Nodes)
        {
            cluster.Start(node);
        }

        await cluster.AllLedAsync(shards: 4);
        await using var reader = cluster.Client();
        Assert.Empty(await writers.LostAsync(reader));
    }

    [Fact]
    public async Task A_node_stops_cleanly_when_asked()
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 4);
        await using var client = cluster.Client();
        await client.TextKeyspace().PutAsync("key", "value");

        foreach (var node in cluster.Nodes)
        {
            Assert.Equal(0, await cluster.StopAsync(node));
        }
    }

    private static Task CaughtUpAsync(ProcessCluster cluster, string node) => cluster.EventuallyAsync(
        async () =>
        {
            var applied = new List<long>();
            foreach (var each in cluster.Nodes)
            {
                applied.Add((await cluster.StatusAsync(each))?.Groups.SingleOrDefault(group => group.Group == GroupOfShardZero)?.AppliedIndex ?? -1);
            }

            return applied.Distinct().Count() == 1 ? applied : null;
        },
        $"{node} to catch up");
}
