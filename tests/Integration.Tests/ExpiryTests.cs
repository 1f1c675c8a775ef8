using System.Collections.Concurrent;
using System.Globalization;
using KvRaft.Client;
using KvRaft.Integration.Tests.Expiry;
using KvRaft.Integration.Tests.Processes;

namespace KvRaft.Integration.Tests;

/// <summary>Keys with a time to live, watched by linearizable reads through three deaths of leaders.</summary>
public sealed class ExpiryTests(ITestOutputHelper output)
{
    private const int Shards = 2;
    private const int Watchers = 24;

    /// <summary>The guarantee: a read that starts this long after the instant, or later, does not see the key.</summary>
    private const int ToleranceMs = 500;

    [Fact]
    public Task Keys_expire_on_time_while_three_leaders_are_killed() => RunAsync(keys: 240, kills: 3);

    [Fact]
    [Trait("Category", "Long")]
    public Task Thousands_of_keys_expire_on_time_while_twenty_leaders_are_killed() => RunAsync(keys: 4_000, kills: 20);

    private async Task RunAsync(int keys, int kills)
    {
        await using var cluster = await ProcessCluster.StartAsync(Shards);
        var watches = new ConcurrentQueue<ExpiryWatch>();
        var issued = 0;
        var work = Task.WhenAll(Enumerable.Range(0, Watchers).Select(seed => Task.Run(async () =>
        {
            await using var client = cluster.Client();
            var chance = new Random(seed);
            while (Interlocked.Increment(ref issued) is var number && number <= keys)
            {
                watches.Enqueue(await WatchAsync(client.TextKeyspace(), $"key-{number}", chance));
            }
        })));
        var killer = new LeaderKiller(cluster, Shards);
        await Task.WhenAll(work, killer.FollowAsync(kills, () => (double)Volatile.Read(ref issued) / (keys + Watchers), work));

        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{watches.Count} keys, {killer.Kills} kills, latest sight {watches.Max(watch => watch.LatestMs)} ms after the promised instant"));
        Assert.Equal(keys, watches.Count);
        Assert.Empty(watches.SelectMany(watch => watch.Faults));
        Assert.All(watches, watch => Assert.True(watch.WasGone));
    }

    /// <summary>Writes a key that expires soon, reads it until it is absent, then a few times more.</summary>
    private static async Task<ExpiryWatch> WatchAsync(IKeyspace<string, string> keyspace, string key, Random chance)
    {
        var life = TimeSpan.FromMilliseconds(200 + chance.Next(1_500));
        var instant = DateTimeOffset.FromUnixTimeMilliseconds(NowMs() + (long)life.TotalMilliseconds);
        await keyspace.PutAsync(key, "x", new KvWriteOptions { Expiry = chance.Next(2) == 0 ? KvExpiry.At(instant) : KvExpiry.After(life) });

        // A time-to-live is guaranteed as the instant that the leader computed from it; a key that expired before it could be read shows nothing.
        var promised = await keyspace.GetAsync(key);
        var expireAtMs = (promised.Found ? promised.Entry.ExpiresAt!.Value : instant).ToUnixTimeMilliseconds();
        var watch = new ExpiryWatch(key, expireAtMs, ToleranceMs);
        for (var after = 0; after < 3; after += watch.WasGone ? 1 : 0)
        {
            var began = NowMs();
            var read = await keyspace.GetAsync(key);
            watch.Saw(began, NowMs(), read.Found, read.Found ? read.Entry.ExpiresAt!.Value.ToUnixTimeMilliseconds() : 0);
            await Task.Delay(chance.Next(1, 40));
        }

        return watch;
    }

    private static long NowMs() => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
}
