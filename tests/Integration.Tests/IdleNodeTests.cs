using System.Diagnostics;
using System.Globalization;
using System.Text;
using KvRaft.Client;
using KvRaft.Integration.Tests.Processes;

namespace KvRaft.Integration.Tests;

/// <summary>
/// Values of 1 MiB are written, overwritten three times and deleted; then nothing happens. <c>KVRAFT_IDLE_VALUES</c> is the number of values (2,000).
/// </summary>
public sealed class IdleNodeTests(ITestOutputHelper output)
{
    private const int ValueBytes = 1 << 20;
    private const int Overwrites = 3;
    private const int Writers = 8;

    /// <summary>
    /// What a process keeps that used its buffers, connections and code paths once, beyond what it had after a little traffic: compiled code, pools, and pages of the allocator
    /// that are partly used. Of 2.1 GiB at the peak, 88 to 115 MiB were measured.
    /// </summary>
    private const long GrowthBytesMax = 160L << 20;

    /// <summary>
    /// Nothing is live but tombstones, sessions and 16 MiB of log for each of five groups. The log is made of segments of 64 MiB; one is being written, one is ready, and up to
    /// two hold what groups keep.
    /// </summary>
    private const long DiskGrowthBytesMax = 320L << 20;

    /// <summary>Longer than a node takes until it counts as idle, flushes and compacts its replicas one by one, and gives memory back three times.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    [Trait("Category", "Long")]
    [Fact]
    public async Task An_idle_node_gives_back_the_memory_and_the_disk_of_deleted_values()
    {
        var values = int.Parse(Environment.GetEnvironmentVariable("KVRAFT_IDLE_VALUES") ?? "2000", CultureInfo.InvariantCulture);
        await using var cluster = await ProcessCluster.StartAsync(shards: 4);
        await using var client = cluster.Client();
        await RoundAsync(client, 0, 200, valueBytes: 100);
        var before = cluster.Nodes.ToDictionary(static node => node, node => Footprint(cluster, node));
        Say("before", before);

        for (var round = 0; round <= Overwrites; round++)
        {
            await RoundAsync(client, round, values, ValueBytes);
            Say($"after round {round + 1}", cluster.Nodes.ToDictionary(static node => node, node => Footprint(cluster, node)));
        }

        await EachAsync(values, (_, i) => client.Keyspace().DeleteAsync(Key(i)).AsTask());
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var now = cluster.Nodes.ToDictionary(static node => node, node => Footprint(cluster, node));
            var isBack = now.All(node => node.Value.Resident <= before[node.Key].Resident + GrowthBytesMax && node.Value.Disk <= before[node.Key].Disk + DiskGrowthBytesMax);
            if (isBack || clock.Elapsed > Patience)
            {
                Say($"after {clock.Elapsed.TotalSeconds.ToString("0", CultureInfo.InvariantCulture)} s without work", now);
                Assert.True(isBack, "memory or disk was not given back, see the output");
                return;
            }

            await Task.Delay(TimeSpan.FromSeconds(1));
        }
    }

    private static Task RoundAsync(KvClient client, int round, int values, int valueBytes) => EachAsync(values, async (random, i) =>
    {
        // Of chance, so that neither log nor engine makes it smaller.
        var value = new byte[valueBytes];
        random.NextBytes(value);
        await client.Keyspace().PutAsync(Key(i), value);
    }, seed: round * Writers);

    /// <summary>Calls for each number from several writers at once; what is refused as overloaded is tried again.</summary>
    private static Task EachAsync(int count, Func<Random, int, Task> call, int seed = 0) =>
        Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(async () =>
        {
            var random = new Random(seed + writer);
            for (var i = writer; i < count;)
            {
                try
                {
                    await call(random, i);
                    i += Writers;
                }
                catch (KvException error) when (error.IsTransient || error.Outcome == KvOutcome.Unknown)
                {
                    await Task.Delay(100);
                }
            }
        })));

    private static byte[] Key(int i) => Encoding.UTF8.GetBytes($"large-{i}");

    private static (long Resident, long Peak, long Disk) Footprint(ProcessCluster cluster, string node) =>
        (ProcessMemory.Bytes(cluster.ProcessId(node), "VmRSS"), ProcessMemory.Bytes(cluster.ProcessId(node), "VmHWM"), DiskBytes(cluster.DataDirectory(node)));

    private static long DiskBytes(string directory) => new DirectoryInfo(directory).EnumerateFiles("*", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true })
        .Sum(static file =>
        {
            try
            {
                return file.Length;
            }
            catch (FileNotFoundException)
            {
                return 0; // Deleted since it was listed.
            }
        });

    private void Say(string when, Dictionary<string, (long Resident, long Peak, long Disk)> nodes) => output.WriteLine(
        $"{when}: MiB resident {string.Join(' ', nodes.Values.Select(static each => each.Resident >> 20))}, peak {string.Join(' ', nodes.Values.Select(static each => each.Peak >> 20))}, disk {string.Join(' ', nodes.Values.Select(static each => each.Disk >> 20))}");
}
