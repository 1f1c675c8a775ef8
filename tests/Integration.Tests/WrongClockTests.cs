using KvRaft.Client;
using KvRaft.TestKit;
using KvRaft.V1;

namespace KvRaft.Integration.Tests;

/// <summary>
/// Wall clocks that are wrong. The expiry of a value used to be the leader's wall clock plus its time-to-live, judged by the highest such clock any leader had: one lock was
/// granted three times at once, and acknowledged values had already expired.
/// </summary>
public sealed class WrongClockTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_lock_of_30_seconds_is_granted_once_while_leaders_clocks_are_wrong_by_seconds_to_hours()
    {
        await using var cluster = await TestCluster.StartAsync();
        await using var client = cluster.CreateClient(Patient);
        var keys = client.TextKeyspace();
        await keys.PutAsync("session", "alive", TimeSpan.FromMinutes(30));
        var grants = new List<TimeSpan>();
        var begun = TimeProvider.System.GetTimestamp();
        foreach (var ahead in new[] { 45.0, 3_600, -10, -3_600, 0 })
        {
            var leader = await cluster.LeaderOfAsync("lock");
            cluster.SetClock(leader, TimeSpan.FromSeconds(ahead));
            await TryLockAsync();

            // A node whose clock is wrong by more than a second transfers leadership by itself.
            if (ahead != 0)
            {
                await UntilAsync(async () => await cluster.LeaderOfAsync("lock") != leader);
            }

            await TryLockAsync();
            cluster.SetClock(leader, TimeSpan.Zero);
            Assert.Equal("alive", (await keys.GetAsync("session")).Value);
        }

        Assert.NotEmpty(grants);
        Assert.All(grants.Zip(grants.Skip(1)), pair => Assert.True(pair.Second - pair.First > TimeSpan.FromSeconds(29), $"granted at {string.Join(", ", grants)}"));

        async Task TryLockAsync()
        {
            var put = await keys.PutAsync("lock", "held", new KvWriteOptions { Condition = KvCondition.Absent, Expiry = KvExpiry.After(TimeSpan.FromSeconds(30)) });
            if (put.Applied)
            {
                grants.Add(TimeProvider.System.GetElapsedTime(begun));
            }
        }
    }

    [Fact]
    public async Task Setting_all_clocks_back_revives_no_lock_and_stops_no_expiry()
    {
        await using var cluster = await TestCluster.StartAsync();
        await using var client = cluster.CreateClient(Patient);
        var keys = client.TextKeyspace();
        await keys.PutAsync("short", "1", TimeSpan.FromSeconds(2));
        var begun = TimeProvider.System.GetTimestamp();
        foreach (var node in cluster.Nodes)
        {
            cluster.SetClock(node, TimeSpan.FromSeconds(-10));
        }

        // It expires after its two seconds; by the wall clocks it would take twelve.
        await UntilAsync(async () => !(await keys.GetAsync("short")).Found);
        Assert.InRange(TimeProvider.System.GetElapsedTime(begun), TimeSpan.FromSeconds(1.9), TimeSpan.FromSeconds(11));
        Assert.True((await keys.PutAsync("short", "2", TimeSpan.FromMinutes(1))).Applied);
        Assert.Equal("2", (await keys.GetAsync("short")).Value);
    }

    [Fact]
    public async Task After_a_leader_that_was_one_hour_ahead_values_keep_their_time_to_live()
    {
        await using var cluster = await TestCluster.StartAsync();
        await using var client = cluster.CreateClient(Patient);
        var keys = client.TextKeyspace();
        await keys.PutAsync("session", "alive", TimeSpan.FromMinutes(30));
        var leader = await cluster.LeaderOfAsync("session");
        cluster.SetClock(leader, TimeSpan.FromHours(1));
        await keys.PutAsync("during", "1", TimeSpan.FromMinutes(1));
        ClockStatus clock;
        do
        {
            clock = (await client.Administration.Calls.GetStatusAsync(leader.Endpoint, Patience)).Clock;
        }
        while (!clock.Skewed);

        await cluster.KillAsync(leader);
        await keys.PutAsync("after", "1", TimeSpan.FromMinutes(1));

        Assert.True(clock.Agreed);
        Assert.InRange(clock.OffsetMs, 3_590_000, 3_610_000);
        Assert.Equal("alive", (await keys.GetAsync("session")).Value);
        Assert.Equal("1", (await keys.GetAsync("during")).Value);
        Assert.Equal("1", (await keys.GetAsync("after")).Value);
        Assert.InRange((await keys.GetTimeToLiveAsync("after")).Remaining!.Value, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task A_cluster_that_starts_with_one_wrong_clock_runs_the_time_of_the_others()
    {
        await using var cluster = await TestCluster.StartAsync();
        await using var client = cluster.CreateClient(Patient);
        await client.TextKeyspace().PutAsync("key", "1");
        foreach (var node in cluster.Nodes)
        {
            await cluster.StopAsync(node);
        }

        cluster.SetClock(cluster.Nodes[0], TimeSpan.FromHours(1));
        foreach (var node in cluster.Nodes)
        {
            await cluster.StartAsync(node);
        }

        await client.TextKeyspace().PutAsync("key", "2", TimeSpan.FromMinutes(30));
        var read = await client.TextKeyspace().GetAsync("key");

        Assert.Equal("2", read.Value);
        Assert.InRange(read.ServerTime - TimeProvider.System.GetUtcNow(), TimeSpan.FromMinutes(-1), TimeSpan.FromMinutes(1));
    }

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!await holds())
        {
            await Task.Delay(20, patience.Token);
        }
    }

    private static KvClientOptions Patient(KvClientOptions options) => options with { Timeout = Patience };
}
