using KvRaft.Client;
using KvRaft.Integration.Tests.Processes;

namespace KvRaft.Integration.Tests;

/// <summary>The disk of one node is really full. It says so and stops acknowledging; nothing it acknowledged is lost, and room given back brings it back.</summary>
public sealed class FullDiskTests
{
    /// <summary>Three prepared log segments and the engines, with room to grow; an engine reserves 48 MiB for its write-ahead log at its first write.</summary>
    private const int DiskMebibytes = 128;

    private static readonly object SmallLog = new { segmentBytes = 8 << 20, bytesMax = 64 << 20 };

    private const int Shards = 1;

    [Fact]
    public async Task Below_the_reserve_writes_are_refused_and_deletes_are_taken()
    {
        using var disk = SmallDisk.TryMount(DiskMebibytes);
        Assert.SkipWhen(disk is null, "Mounting a file system of its own needs root.");
        await using var cluster = await ProcessCluster.StartAsync(
            Shards, nodes: 1, settings: new() { ["dataDirectory"] = Path.Combine(disk!.Root, "data"), ["limits"] = new { diskReserveBytes = 16 << 20 }, ["log"] = SmallLog });
        await using var client = cluster.Client();
        var keyspace = client.TextKeyspace();
        await keyspace.PutAsync("kept", "1");
        await keyspace.PutAsync("dropped", "1");

        disk.FillUpTo(8 << 20);
        var refused = await UntilAsync<KvException>(async () => await keyspace.PutAsync("more", "1"));
        Assert.Equal("DISK_FULL", refused.Reason);
        Assert.True(await keyspace.DeleteAsync("dropped") is { Applied: true });
        Assert.Equal("1", (await keyspace.GetAsync("kept")).Value);

        disk.GiveBack();
        await UntilTakenAsync(async () => await keyspace.PutAsync("more", "2"));
        Assert.Equal("2", (await keyspace.GetAsync("more")).Value);
    }

    [Fact]
    public async Task A_node_that_cannot_write_its_log_stops_and_says_why_and_the_others_go_on()
    {
        const string Small = "n3";
        using var disk = SmallDisk.TryMount(DiskMebibytes);
        Assert.SkipWhen(disk is null, "Mounting a file system of its own needs root.");
        await using var cluster = await ProcessCluster.StartAsync(
            Shards,
            settings: new() { ["limits"] = new { diskReserveBytes = 0 }, ["log"] = SmallLog },
            settingsOf: new() { [Small] = new() { ["dataDirectory"] = Path.Combine(disk!.Root, "data") } });
        disk.FillUpTo(1 << 20);

        // The next segment of the log has no room; whatever was written before is in the segments prepared at start.
        await using var client = cluster.Client();
        var keyspace = client.TextKeyspace();
        var value = new string('v', 512 << 10);
        var acknowledged = new List<string>();
        var ended = cluster.WhenEndedByItselfAsync(Small);
        while (!ended.IsCompleted)
        {
            var key = $"key-{acknowledged.Count}";
            await keyspace.PutAsync(key, value);
            acknowledged.Add(key);
        }

        Assert.Equal(1, (await ended).ExitCode);
        Assert.Contains("No space left on device", (await ended).Log, StringComparison.Ordinal);
        await keyspace.PutAsync("without-it", "1");

        disk.GiveBack();
        cluster.Start(Small);
        await CaughtUpAsync(cluster, Small);
        await using var through = cluster.Client(Small);
        foreach (var key in acknowledged)
        {
            Assert.Equal(value, (await through.TextKeyspace().GetAsync(key)).Value);
        }
    }

    private static Task CaughtUpAsync(ProcessCluster cluster, string node) => cluster.EventuallyAsync(
        async () =>
        {
            var mine = (await cluster.StatusAsync(node))?.Groups.FirstOrDefault(group => group.Shard == 0);
            var others = await Task.WhenAll(cluster.Nodes.Where(other => other != node).Select(cluster.StatusAsync));
            var committed = others.Max(status => status?.Groups.FirstOrDefault(group => group.Shard == 0)?.CommitIndex ?? 0);
            return mine is not null && committed > 0 && mine.AppliedIndex >= committed ? mine : null;
        },
        $"{node} to catch up");

    private static async Task<TException> UntilAsync<TException>(Func<Task> call)
        where TException : Exception
    {
        // The guard looks at the disk once a second.
        while (true)
        {
            try
            {
                await call();
            }
            catch (TException error)
            {
                return error;
            }
        }
    }

    private static async Task UntilTakenAsync(Func<Task> call)
    {
        while (true)
        {
            try
            {
                await call();
                return;
            }
            catch (KvException error) when (error.Reason == "DISK_FULL")
            {
                // Not looked yet.
            }
        }
    }
}
