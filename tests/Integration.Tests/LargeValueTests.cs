using System.Diagnostics;
using System.Globalization;
using System.Text;
using KvRaft.Client;
using KvRaft.Integration.Tests.Processes;

namespace KvRaft.Integration.Tests;

/// <summary>
/// Eight clients write values of 1 MiB to one shard as fast as it takes them, with default settings and without any fault. <c>KVRAFT_LARGE_SECONDS</c> says
/// for how long (60).
/// </summary>
public sealed class LargeValueTests(ITestOutputHelper output)
{
    private const int ValueBytes = 1 << 20;

    private const int Writers = 8;

    /// <summary>Keys that are overwritten in turn: they bound the size of the store, not of the log.</summary>
    private const int Keys = 1200;

    [Trait("Category", "Long")]
    [Fact]
    public async Task Followers_keep_up_with_an_ordinary_load_of_large_values()
    {
        var length = TimeSpan.FromSeconds(Setting("KVRAFT_LARGE_SECONDS", 60));
        await using var cluster = await ProcessCluster.StartAsync(shards: 1);
        await using var client = cluster.Client();
        var clock = Stopwatch.StartNew();
        var (written, refused, next) = (0L, 0L, 0);
        var writing = Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(async () =>
        {
            var value = new byte[ValueBytes];
            new Random(writer).NextBytes(value);
            while (clock.Elapsed < length)
            {
                try
                {
                    var number = Interlocked.Increment(ref next);
                    BitConverter.TryWriteBytes(value, number);
                    await client.Keyspace().PutAsync(Encoding.UTF8.GetBytes($"large-{number % Keys}"), value);
                    Interlocked.Increment(ref written);
                }
                catch (KvException error) when (error.IsTransient || error.Outcome == KvOutcome.Unknown)
                {
                    Interlocked.Increment(ref refused);
                    await Task.Delay(100);
                }
            }
        })));
        while (!writing.IsCompleted)
        {
            await Task.WhenAny(writing, Task.Delay(TimeSpan.FromSeconds(5)));
            var line = new StringBuilder(string.Create(CultureInfo.InvariantCulture, $"{clock.Elapsed.TotalSeconds:0} s, {written} written, {refused} refused;"));
            foreach (var node in cluster.Nodes)
            {
                var group = (await cluster.StatusAsync(node))?.Groups.Single(static each => each.Shard == 0);
                line.Append(string.Create(CultureInfo.InvariantCulture, $" {node} {group?.Role} {group?.State} first {group?.FirstIndex} last {group?.LastIndex} commit {group?.CommitIndex} applied {group?.AppliedIndex} copy {group?.CopiedBytes}/{group?.CopyBytes};"));
            }

            output.WriteLine(line.ToString());
        }

        await writing;
        foreach (var node in cluster.Nodes)
        {
            output.WriteLine($"== {node}\n{cluster.Log(node)}");
        }

        Assert.All(cluster.Nodes, node => Assert.DoesNotContain("fetching a checkpoint", cluster.Log(node), StringComparison.Ordinal));
    }

    private static int Setting(string name, int missing) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : missing;
}
