using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using KvRaft.Client;
using KvRaft.Integration.Tests.Processes;

namespace KvRaft.Integration.Tests;

/// <summary>
/// A shard of two GiB moves while clients write, and its target is killed in the middle of the copy. <c>KVRAFT_LARGE_MB</c> sets the size (2100),
/// <c>KVRAFT_LARGE_RATE</c> the number of small writes a second (100).
/// </summary>
public sealed partial class LargeShardTests(ITestOutputHelper output)
{
    private const int ValueBytes = 256 * 1024;

    [Trait("Category", "Long")]
    [Fact]
    public async Task A_copy_of_a_large_shard_goes_on_after_its_target_was_killed_and_writers_hardly_notice()
    {
        var (megabytes, rate) = (Setting("KVRAFT_LARGE_MB", 2100), Setting("KVRAFT_LARGE_RATE", 100));
        await using var cluster = await ProcessCluster.StartAsync(shards: 1, nodes: 4);
        await using var client = cluster.Client();
        var filled = Stopwatch.GetTimestamp();
        await FillAsync(client, megabytes);
        var fill = Stopwatch.GetElapsedTime(filled);
        await using var load = new CheckedLoad(cluster.Client(), workers: 8, rate);
        await Task.Delay(TimeSpan.FromSeconds(5));
        load.TakeWrites();
        await Task.Delay(TimeSpan.FromSeconds(30));
        var before = load.TakeWrites();

        var shard = (await client.Administration.Calls.GetRoutesAsync()).Shards.Single();
        var replicas = shard.Replicas.Select(static replica => replica.NodeId).ToArray();
        var (from, to) = (replicas.First(node => node != shard.LeaderNode), cluster.Nodes.Single(node => !replicas.Contains(node)));

        // A follower that fell behind while the shard was filled may have fetched one, too.
        var offeredBefore = OffersOf(cluster);
        var begun = Stopwatch.GetTimestamp();
        await client.Administration.Calls.MoveShardAsync(0, from, to);
        var cut = await WhenCopiedAsync(cluster, to, part: 0.3);
        var during = load.TakeWrites();
        cluster.Kill(to);
        cluster.Start(to);
        var slowest = await DoneAsync(client);
        var took = Stopwatch.GetElapsedTime(begun);
        during = [.. during.Concat(load.TakeWrites()).Order()];

        // Each process reports what it found; the checkpoint was made once.
        var fetches = Fetches().Matches(cluster.Log(to)).Select(static match => (Of: Number(match, 1), Here: Number(match, 2))).ToArray();
        Assert.Equal([0, fetches[^1].Here], fetches.Select(static fetch => fetch.Here));
        Assert.InRange(fetches[1].Here, cut - (32 << 20), fetches[1].Of);
        Assert.Equal(1, OffersOf(cluster) - offeredBefore);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""
            {fetches[0].Of / 1_000_000} MB, filled in {fill.TotalSeconds:0} s; moved in {took.TotalSeconds:0} s, its target killed after {cut / 1_000_000} MB, found {fetches[1].Here / 1_000_000} MB there and went on
            writes before ({before.Count}): p50 {At(before, 0.5):0.0} ms, p99 {At(before, 0.99):0.0} ms
            writes meanwhile ({during.Count}): p50 {At(during, 0.5):0.0} ms, p99 {At(during, 0.99):0.0} ms, {At(during, 0.99) / At(before, 0.99):0.00} times as long; longest {during[^1]:0} ms
            {slowest}
            """));
        Assert.Empty(await load.LostAsync());
        Assert.Empty(load.Violations);
        await cluster.AgreesAsync(client);
    }

    private static int OffersOf(ProcessCluster cluster) => cluster.Nodes.Sum(node => Offers().Count(cluster.Log(node)));

    private static async Task FillAsync(KvClient client, int megabytes)
    {
        var keyspace = client.Keyspace();
        var count = (int)(megabytes * 1_000_000L / ValueBytes);
        await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (number, cancel) =>
        {
            // Random, so that no disk compresses it.
            var value = new byte[ValueBytes];
            new Random(number).NextBytes(value);
            var key = System.Text.Encoding.UTF8.GetBytes($"large-{number}");
            while (true)
            {
                try
                {
                    await keyspace.PutAsync(key, value, cancellationToken: cancel);
                    return;
                }
                catch (KvException error) when (error.IsTransient || error.Outcome == KvOutcome.Unknown)
                {
                    // The disk is the bottleneck, and requests are refused for that reason; the same value may be written twice.
                    await Task.Delay(100, cancel);
                }
            }
        });
    }

    /// <summary>Waits until so much of the checkpoint is copied; returns the number of bytes.</summary>
    private static async Task<long> WhenCopiedAsync(ProcessCluster cluster, string to, double part)
    {
        var status = await cluster.EventuallyAsync(
            async () => await cluster.StatusAsync(to) is { } status && status.Groups.Any(group => group.CopyBytes > 0 && group.CopiedBytes > part * group.CopyBytes) ? status : null,
            "a part of the copy");
        return status.Groups.Single(static group => group.CopyBytes > 0).CopiedBytes;
    }

    /// <summary>Waits for a copy at any pace; returns the slowest pace that was seen, as text.</summary>
    private static async Task<string> DoneAsync(KvClient client)
    {
        var (slowest, words) = (long.MaxValue, "copied at full pace throughout");
        while (await ComingAndGoing.TryAsync(() => client.Administration.Calls.ListOperatorsAsync()) is not { Operators.Count: 0 })
        {
            if (await ComingAndGoing.TryAsync(() => client.Administration.Calls.GetSchedulerConfigAsync()) is { CopyNote.Length: > 0 } config && config.CopyBytesPerSecondNow < slowest)
            {
                (slowest, words) = (config.CopyBytesPerSecondNow, $"at its slowest {config.CopyNote}");
            }

            await Task.Delay(200);
        }

        return words;
    }

    private static long Number(Match match, int group) => long.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

    private static double At(IReadOnlyList<double> sorted, double part) => sorted[Math.Min(sorted.Count - 1, (int)(sorted.Count * part))];

    private static int Setting(string name, int missing) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : missing;

    [GeneratedRegex(@"Group 1: fetching a checkpoint at index \d+, (\d+) bytes \((\d+) already copied\)")]
    private static partial Regex Fetches();

    [GeneratedRegex(@"Raft\.Group1\S* Checkpoint \S+ at index")]
    private static partial Regex Offers();
}
