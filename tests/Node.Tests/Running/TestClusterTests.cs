using KvRaft.Client;
using KvRaft.TestKit;

namespace KvRaft.Node.Tests.Running;

/// <summary>The faults of the kit, as a user of it would call them: each has its documented effect, and is reverted.</summary>
public sealed class TestClusterTests
{
    [Fact]
    public async Task A_leader_that_is_cut_off_is_replaced_and_joins_again()
    {
        await using var cluster = await TestCluster.StartAsync();
        await using var client = cluster.CreateClient(Patient);
        var keys = client.TextKeyspace();
        await keys.PutAsync("key", "before");
        var old = await cluster.LeaderOfAsync("key");

        cluster.Partition(old);
        var written = await keys.PutAsync("key", "meanwhile");
        var next = await LeaderOtherThanAsync(cluster, old);
        cluster.Heal();
        var read = await keys.GetAsync("key");

        Assert.NotEqual(old, next);
        Assert.Equal(("meanwhile", written.Version), (read.Value, read.Version));
    }

    [Fact]
    public async Task A_killed_node_comes_back_with_what_it_had_and_a_majority_goes_on_without_it()
    {
        await using var cluster = await TestCluster.StartAsync(new TestClusterOptions { Nodes = 5, Shards = 2 });
        await using var client = cluster.CreateClient(Patient);
        var keys = client.TextKeyspace();
        await keys.PutAsync("key", "1");
        var leader = await cluster.LeaderOfAsync("key");

        await cluster.KillAsync(leader);
        Assert.False(leader.IsRunning);
        await keys.PutAsync("key", "2");
        await cluster.StartAsync(leader);
        await cluster.WhenReadyAsync();
        await using var direct = new KvClient(Patient(KvClientOptions.Parse($"kvraft://{leader.Endpoint}/default?routing=endpoints")));

        Assert.Equal("2", (await direct.TextKeyspace().GetAsync("key")).Value);
    }

    [Fact]
    public async Task A_paused_node_is_silent_and_what_was_sent_to_it_arrives_when_it_goes_on()
    {
        await using var cluster = await TestCluster.StartAsync(new TestClusterOptions { Nodes = 1, Shards = 1 });
        await using var client = cluster.CreateClient(Patient);
        var keys = client.TextKeyspace();
        await keys.PutAsync("key", "1");

        cluster.Pause(cluster.Nodes[0]);
        var waiting = keys.PutAsync("key", "2").AsTask();
        var early = await Task.WhenAny(waiting, Task.Delay(TimeSpan.FromMilliseconds(300)));
        Assert.NotSame(waiting, early);
        cluster.Resume(cluster.Nodes[0]);

        Assert.True((await waiting).Applied);
    }

    [Fact]
    public async Task A_wall_clock_that_is_set_wrong_moves_neither_the_time_of_the_shard_nor_the_end_of_a_value()
    {
        // One node is its own majority: its cluster time approaches the new one by a hundredth of the elapsed time.
        await using var cluster = await TestCluster.StartAsync(new TestClusterOptions { Nodes = 1, Shards = 1 });
        await using var client = cluster.CreateClient(Patient);
        var keys = client.TextKeyspace();
        await keys.PutAsync("key", "1", TimeSpan.FromHours(1));
        var before = (await keys.GetAsync("key")).ServerTime;

        cluster.SetClock(cluster.Nodes[0], TimeSpan.FromHours(2));
        var after = await keys.GetAsync("key");

        Assert.InRange(after.ServerTime - before, TimeSpan.Zero, TimeSpan.FromMinutes(10));
        Assert.True(after.Found);
    }

    private static async Task<TestNode> LeaderOtherThanAsync(TestCluster cluster, TestNode old)
    {
        using var patience = new CancellationTokenSource(RunningCluster.Patience);
        while (true)
        {
            var leader = await cluster.LeaderOfAsync("key", cancellationToken: patience.Token);
            if (leader != old)
            {
                return leader;
            }
        }
    }

    private static KvClientOptions Patient(KvClientOptions options) => options with { Timeout = RunningCluster.Patience };
}
