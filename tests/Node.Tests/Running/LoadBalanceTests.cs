using System.Globalization;
using System.Text;
using KvRaft.Client;
using KvRaft.TestKit;

namespace KvRaft.Node.Tests.Running;

/// <summary>Two shards of one node get all requests: one of them gets another leader, and no client sees an error.</summary>
public sealed class LoadBalanceTests
{
    /// <summary>Rates are over ten seconds, and a shard whose leadership changed is left alone for twenty; a starved machine may need that twice.</summary>
    private static readonly TimeSpan Patience = 2 * RunningCluster.Patience;

    [Fact]
    public async Task Two_busy_shards_of_one_node_are_led_by_two_in_the_end()
    {
        await using var cluster = await TestCluster.StartAsync(new TestClusterOptions { Shards = 8, ElectionTimeout = TimeSpan.FromMilliseconds(500) });
        await using var client = cluster.CreateClient();
        var (busy, keys) = await TwoOfOneLeaderAsync(client);

        // Five milliseconds between two requests of a worker: some hundred a second from each, ten times what counts as busy in all.
        using var enough = new CancellationTokenSource();
        var workers = Enumerable.Range(0, 16).Select(number => AskAsync(client, keys[number % 2], enough.Token)).ToArray();
        try
        {
            using var patience = new CancellationTokenSource(Patience);
            var leaders = await LeadersAsync(client);
            while (leaders.Count < 8 || leaders[busy[0]] == leaders[busy[1]] || leaders.Values.CountBy(static node => node).Any(static led => led.Value is < 2 or > 3))
            {
                Assert.False(workers.Any(static worker => worker.IsFaulted), "a reader failed");
                await Task.Delay(100, patience.Token);
                leaders = await LeadersAsync(client);
            }
        }
        finally
        {
            await enough.CancelAsync();
        }

        Assert.All(await Task.WhenAll(workers), static answered => Assert.True(answered > 0));
        var scheduler = (await client.Administration.Calls.ListSchedulersAsync()).Schedulers.Single(static scheduler => scheduler.Name == "load-balance");
        Assert.Contains("requests/s", scheduler.Note, StringComparison.Ordinal);
    }

    private static async Task<(int[] Shards, string[] Keys)> TwoOfOneLeaderAsync(KvClient client)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            var leaders = await LeadersAsync(client);
            if (leaders.Count == 8 && leaders.Values.CountBy(static node => node).All(static led => led.Value is 2 or 3))
            {
                var shards = leaders.GroupBy(static pair => pair.Value).First().Select(static pair => pair.Key).Take(2).ToArray();
                return (shards, [await KeyOfAsync(client, shards[0]), await KeyOfAsync(client, shards[1])]);
            }

            await Task.Delay(100, patience.Token);
        }
    }

    private static async Task<string> KeyOfAsync(KvClient client, int shard)
    {
        for (var number = 0; ; number++)
        {
            var key = number.ToString(CultureInfo.InvariantCulture);
            if ((await client.Administration.Calls.LocateAsync(null, [Encoding.UTF8.GetBytes(key)])).Locations[0].Shard.Shard == shard)
            {
                return key;
            }
        }
    }

    private static async Task<long> AskAsync(KvClient client, string key, CancellationToken enough)
    {
        var keyspace = client.TextKeyspace();
        var answered = 0L;
        while (!enough.IsCancellationRequested)
        {
            // One write of four requests; it ends only between two, so that each of them counts.
            if (answered++ % 4 == 0)
            {
                await keyspace.PutAsync(key, "value", cancellationToken: CancellationToken.None);
            }
            else
            {
                await keyspace.GetAsync(key, cancellationToken: CancellationToken.None);
            }

            await Task.Delay(5, CancellationToken.None);
        }

        return answered;
    }

    private static async Task<Dictionary<int, string>> LeadersAsync(KvClient client) =>
        (await client.Administration.Calls.GetRoutesAsync()).Shards.Where(static shard => shard.LeaderNode.Length > 0).ToDictionary(static shard => shard.Shard, static shard => shard.LeaderNode);
}
