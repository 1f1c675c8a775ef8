using Grpc.Core;
using Grpc.Net.Client;
using KvRaft.Client;
using KvRaft.Integration.Tests.Processes;
using KvRaft.V1;

namespace KvRaft.Integration.Tests;

/// <summary>The disk of one node is really full. The node reports it, stops acknowledging and continues; nothing it acknowledged is lost, and it recovers as soon as there is space.</summary>
public sealed class FullDiskTests
{
    /// <summary>Three prepared log segments and the engines, with space to grow; an engine reserves 48 MiB for its write-ahead log at its first write.</summary>
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

    /// <summary>The process ended by an unhandled exception (SIGABRT), which a supervisor takes for a bug.</summary>
    [Fact]
    public async Task A_first_start_on_a_full_disk_ends_with_the_path_and_starts_when_there_is_room()
    {
        using var disk = SmallDisk.TryMount(DiskMebibytes);
        Assert.SkipWhen(disk is null, "Mounting a file system of its own needs root.");
        var data = Path.Combine(disk!.Root, "data");
        await using var cluster = await ProcessCluster.StartAsync(
            Shards, nodes: 1, settings: new() { ["dataDirectory"] = data, ["limits"] = new { diskReserveBytes = 0 }, ["log"] = SmallLog });
        cluster.Kill("n1");
        Directory.Delete(data, recursive: true);
        disk.FillUpTo(0);

        cluster.Start("n1");
        var (exitCode, log) = await cluster.WhenEndedByItselfAsync("n1");

        Assert.Equal(1, exitCode);
        Assert.Contains($"kvraft: {data}", log, StringComparison.Ordinal);
        Assert.Contains("its disk is full; free some space and start again", log, StringComparison.Ordinal);
        Assert.DoesNotContain("Unhandled exception", log, StringComparison.Ordinal);

        disk.GiveBack();
        cluster.Start("n1");
        await using var client = cluster.Client();
        await UntilTakenAsync(async () => await client.TextKeyspace().PutAsync("key", "1"));
    }

    [Fact]
    public async Task A_node_with_a_full_disk_refuses_entries_and_recovers_by_itself()
    {
        const string Small = "n3";
        using var disk = SmallDisk.TryMount(DiskMebibytes);
        Assert.SkipWhen(disk is null, "Mounting a file system of its own needs root.");
        await using var cluster = await ProcessCluster.StartAsync(
            Shards,
            settings: new() { ["limits"] = new { diskReserveBytes = 0 }, ["log"] = SmallLog },
            settingsOf: new() { [Small] = new() { ["dataDirectory"] = Path.Combine(disk!.Root, "data") } });
        disk.FillUpTo(1 << 20);
        var ended = cluster.WhenEndedByItselfAsync(Small);

        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));

        // More than the segments prepared at the start can hold: there is no space for the next one.
        await using var client = cluster.Client();
        var keyspace = client.TextKeyspace();
        var value = new string('v', 512 << 10);
        var acknowledged = new List<string>();
        while (await StateAsync(cluster, Small) == "serving" || acknowledged.Count < 40)
        {
            var key = $"key-{acknowledged.Count}";

            // It may lead, and refuses until it has transferred leadership to a node with space.
            await UntilTakenAsync(async () => await keyspace.PutAsync(key, value));
            acknowledged.Add(key);
            Assert.False(ended.IsCompleted, "the node with the full disk ended");
            Assert.True(acknowledged.Count < 500, "the disk never was full");
            patience.Token.ThrowIfCancellationRequested();
        }

        for (var number = 0; number < 20; number++)
        {
            await UntilTakenAsync(async () => await keyspace.PutAsync($"more-{number}", value));
        }

        Assert.Contains("the disk of its node is full", await StateAsync(cluster, Small), StringComparison.Ordinal);
        disk.GiveBack();
        await CaughtUpAsync(cluster, Small);
        await cluster.EventuallyAsync(async () => await StateAsync(cluster, Small) == "serving" ? "" : null, "n3 to serve again");
        Assert.False(ended.IsCompleted, "the node with the full disk ended");
        await using var through = cluster.Client(Small);
        foreach (var key in acknowledged)
        {
            Assert.Equal(value, (await through.TextKeyspace().GetAsync(key)).Value);
        }
    }

    [Fact]
    public async Task A_flush_that_meets_a_full_disk_stops_its_replica_which_serves_again_by_itself()
    {
        using var disk = SmallDisk.TryMount(DiskMebibytes);
        Assert.SkipWhen(disk is null, "Mounting a file system of its own needs root.");
        await using var cluster = await ProcessCluster.StartAsync(
            Shards, nodes: 1,
            settings: new() { ["dataDirectory"] = Path.Combine(disk!.Root, "data"), ["limits"] = new { diskReserveBytes = 0 }, ["log"] = SmallLog });
        await using var client = cluster.Client();
        var keyspace = client.TextKeyspace();
        var value = new byte[32 << 10];
        new Random(5).NextBytes(value);
        var text = Convert.ToHexString(value);
        foreach (var number in Enumerable.Range(0, 40))
        {
            await keyspace.PutAsync($"key-{number}", text);
        }

        var ended = cluster.WhenEndedByItselfAsync("n1");
        disk.FillUpTo(0);
        using (var channel = GrpcChannel.ForAddress($"http://{cluster.Endpoint("n1")}"))
        {
            await Assert.ThrowsAsync<RpcException>(async () => await new Admin.AdminClient(channel).FlushAsync(new FlushRequest { Shard = 0 }));
        }

        await cluster.EventuallyAsync(async () => await StateAsync(cluster, "n1") is { } state && state != "serving" ? state : null, "the replica to stop because the disk is full");
        Assert.False(ended.IsCompleted, "the node with the full disk ended");

        disk.GiveBack();
        await cluster.EventuallyAsync(async () => await StateAsync(cluster, "n1") == "serving" ? "" : null, "the replica to serve again");
        foreach (var number in Enumerable.Range(0, 40))
        {
            Assert.Equal(text, (await keyspace.GetAsync($"key-{number}")).Value);
        }

        await keyspace.PutAsync("after", "1");
        Assert.Equal("1", (await keyspace.GetAsync("after")).Value);
        Assert.False(ended.IsCompleted, "the node with the full disk ended");
    }

    private static async Task<string?> StateAsync(ProcessCluster cluster, string node) =>
        (await cluster.StatusAsync(node))?.Groups.FirstOrDefault(static group => group.Shard == 0)?.State;

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
        // The guard checks the disk once a second.
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
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            try
            {
                await call();
                return;
            }
            catch (KvException error) when (error.Reason == "DISK_FULL" && !patience.IsCancellationRequested)
            {
                // Not checked yet, or its leader has not transferred leadership yet.
            }
        }
    }
}
