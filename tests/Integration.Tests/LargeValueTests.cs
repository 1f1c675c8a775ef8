using System.Diagnostics;
using System.Globalization;
using System.Text;
using KvRaft.Client;
using KvRaft.Integration.Tests.Processes;
using KvRaft.V1;

namespace KvRaft.Integration.Tests;

/// <summary>
/// Eight clients write values of 1 MiB to one shard as fast as it accepts them, with default settings. <c>KVRAFT_LARGE_SECONDS</c> sets the duration where nothing
/// else ends the load (60).
/// </summary>
public sealed class LargeValueTests(ITestOutputHelper output)
{
    private const int ValueBytes = 1 << 20;

    private const int Writers = 8;

    /// <summary>Keys that are overwritten in turn: they limit the size of the store, not of the log.</summary>
    private const int Keys = 800;

    /// <summary>A follower this close to the leader follows it: some MiB, less than the leader has in progress.</summary>
    private const int EntriesClose = 16;

    [Trait("Category", "Long")]
    [Fact]
    public async Task Followers_keep_up_with_an_ordinary_load_of_large_values()
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 1);
        await using var client = cluster.Client();
        await using var load = new Load(client);
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromSeconds(Setting("KVRAFT_LARGE_SECONDS", 60));)
        {
            await Task.Delay(TimeSpan.FromSeconds(5));
            await SayAsync(cluster, load, clock);
        }

        Assert.All(cluster.Nodes, node => Assert.DoesNotContain("fetching a checkpoint", cluster.Log(node), StringComparison.Ordinal));
    }

    [Trait("Category", "Long")]
    [Fact]
    public async Task A_follower_that_fell_behind_the_log_comes_back_with_one_checkpoint_while_the_load_lasts()
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 1);
        await using var client = cluster.Client();
        await using var load = new Load(client);
        var leader = await cluster.LeaderAsync(1, cluster.Nodes);
        var behind = cluster.Nodes.First(node => node != leader);
        var clock = Stopwatch.StartNew();
        await cluster.EventuallyAsync(async () => await ShardAsync(cluster, leader) is { CommitIndex: > 100 } seen ? seen : null, "a hundred entries");
        cluster.Pause(behind);
        var last = (await ShardAsync(cluster, leader))!.LastIndex;
        await cluster.EventuallyAsync(async () => await ShardAsync(cluster, leader) is { } seen && seen.FirstIndex > last + 1 ? seen : null, "the log to move on");
        await SayAsync(cluster, load, clock);
        cluster.Resume(behind);

        // Twice in a row: neither a check at a moment without writes in progress, nor one at an old commit index.
        for (var close = 0; close < 2;)
        {
            Assert.True(clock.Elapsed < TimeSpan.FromMinutes(5), $"{behind} did not come back.");
            await Task.Delay(TimeSpan.FromSeconds(3));
            await SayAsync(cluster, load, clock);
            var (ahead, seen) = (await ShardAsync(cluster, leader), await ShardAsync(cluster, behind));
            close = ahead is not null && seen is { State: "serving" } && ahead.LastIndex - seen.AppliedIndex <= EntriesClose ? close + 1 : 0;
        }

        Assert.True(load.IsRunning);
        Assert.Equal(1, cluster.Log(behind).Split("fetching a checkpoint").Length - 1);
    }

    private static async Task<GroupStatus?> ShardAsync(ProcessCluster cluster, string node) =>
        (await cluster.StatusAsync(node))?.Groups.Single(static group => group.Shard == 0);

    private async Task SayAsync(ProcessCluster cluster, Load load, Stopwatch clock)
    {
        var line = new StringBuilder(string.Create(CultureInfo.InvariantCulture, $"{clock.Elapsed.TotalSeconds:0} s, {load};"));
        foreach (var node in cluster.Nodes)
        {
            if (await cluster.StatusAsync(node) is { } status)
            {
                var group = status.Groups.Single(static each => each.Shard == 0);
                line.Append(CultureInfo.InvariantCulture, $" {node} {group.Role} {group.State} {group.FirstIndex}-{group.LastIndex}, applied {group.AppliedIndex}, copied {group.CopiedBytes >> 20}/{group.CopyBytes >> 20} MiB, log {status.Log.SegmentBytes >> 20} MiB;");
            }
        }

        output.WriteLine(line.ToString());
    }

    private static int Setting(string name, int missing) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : missing;

    private sealed class Load : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _writing;
        private int _next;
        private int _written;
        private int _refused;

        public Load(KvClient client) =>
            _writing = Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(() => WriteAsync(client, writer))));

        public bool IsRunning => !_writing.IsCompleted;

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{_written} written, {_refused} refused");

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _writing;
            _stop.Dispose();
        }

        private async Task WriteAsync(KvClient client, int writer)
        {
            // Random, so that neither log nor engine compresses it.
            var value = new byte[ValueBytes];
            new Random(writer).NextBytes(value);
            while (!_stop.IsCancellationRequested)
            {
                var number = Interlocked.Increment(ref _next);
                BitConverter.TryWriteBytes(value, number);
                try
                {
                    await client.Keyspace().PutAsync(Encoding.UTF8.GetBytes($"large-{number % Keys}"), value);
                    Interlocked.Increment(ref _written);
                }
                catch (KvException error) when (error.IsTransient || error.Outcome == KvOutcome.Unknown)
                {
                    Interlocked.Increment(ref _refused);
                    await Task.Delay(100);
                }
            }
        }
    }
}
