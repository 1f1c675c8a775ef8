using KvRaft.Client;
using KvRaft.Integration.Tests.Processes;
using KvRaft.Integration.Tests.SystemCalls;
using KvRaft.V1;

namespace KvRaft.Integration.Tests;

/// <summary>Disks under the store of eventual keys, on real processes: full, damaged, dead.</summary>
[Trait("Category", "Long")]
public sealed class EventualDiskTests
{
    /// <summary>EX_IOERR.</summary>
    private const int ExitCodeOfDiskFailure = 74;

    private const int Keys = 300;
    private const string Node = "n3";

    /// <summary>Random text does not compress, so that a flipped byte falls into a value.</summary>
    private static readonly string Value = Convert.ToHexString(Bytes(2048));

    private static readonly object SmallLog = new { segmentBytes = 8 << 20, bytesMax = 64 << 20 };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_node_with_a_damaged_table_goes_on_counts_it_and_has_everything_again(bool isFlipped)
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 1);
        await CreateAsync(cluster);
        await using (var client = At(cluster, "n1"))
        {
            for (var first = 0; first < Keys; first += 25)
            {
                await Task.WhenAll(Enumerable.Range(first, 25).Select(number => Cart(client).PutAsync($"k{number}", Value, KvContext.None).AsTask()));
            }
        }

        await WholeAsync(cluster, rebuilds: 0);

        // A killed node's write-ahead log is flushed into a table by the next start.
        cluster.Kill(Node);
        cluster.Start(Node);
        await cluster.ServesAsync(Node);
        var table = Directory.GetFiles(Path.Combine(cluster.DataDirectory(Node), "eventual", "store"), "*.sst").MaxBy(static file => new FileInfo(file).Length)!;
        if (isFlipped)
        {
            // Under the running node.
            Flip(table);
        }
        else
        {
            cluster.Kill(Node);
            File.Delete(table);
            cluster.Start(Node);
            await cluster.ServesAsync(Node);
        }

        var ended = cluster.WhenEndedByItselfAsync(Node);
        await using (var at = At(cluster, Node))
        {
            // The copy on the called node may be damaged: the other two answer.
            for (var number = 0; number < Keys; number++)
            {
                Assert.Equal([Value], (await Cart(at).GetAsync($"k{number}", Majority)).Values);
            }
        }

        await WholeAsync(cluster, rebuilds: 1);

        // The node deletes the damaged files in the round of repair after the one that makes it complete.
        var damaged = Path.Combine(cluster.DataDirectory(Node), "eventual", "store.damaged");
        await cluster.EventuallyAsync(() => Task.FromResult(Directory.Exists(damaged) ? null : ""), "the damaged files to be deleted");
        Assert.False(ended.IsCompleted, "the node with the damaged store ended");

        // It has all of them without the others.
        cluster.Pause("n1");
        cluster.Pause("n2");
        await using (var at = At(cluster, Node))
        {
            for (var number = 0; number < Keys; number += 7)
            {
                Assert.Equal([Value], (await Cart(at).GetAsync($"k{number}")).Values);
            }
        }

        cluster.Resume("n1");
        cluster.Resume("n2");
    }

    [Fact]
    public async Task A_node_whose_disk_is_full_refuses_eventual_writes_serves_reads_and_takes_writes_again_without_a_restart()
    {
        using var disk = SmallDisk.TryMount(mebibytes: 160);
        Assert.SkipWhen(disk is null, "Mounting a file system of its own needs root.");
        await using var cluster = await ProcessCluster.StartAsync(
            shards: 1, nodes: 1,
            settings: new() { ["dataDirectory"] = Path.Combine(disk!.Root, "data"), ["limits"] = new { diskReserveBytes = 0 }, ["log"] = SmallLog });
        await CreateAsync(cluster);
        await using var client = At(cluster, "n1");
        await Cart(client).PutAsync("kept", "1", KvContext.None);
        var ended = cluster.WhenEndedByItselfAsync("n1");
        disk.FillUpTo(0);

        var (refused, taken) = await FullAsync(client);
        Assert.Equal("DISK_FULL", refused.Reason);
        Assert.Equal(["1"], (await Cart(client).GetAsync("kept")).Values);
        await cluster.EventuallyAsync(
            async () => (await cluster.StatusAsync("n1"))?.Eventual.State.StartsWith("full", StringComparison.Ordinal) is true ? "" : null, "the store to say that it is full");
        Assert.False(ended.IsCompleted, "the node with the full disk ended");

        disk.GiveBack();
        await cluster.EventuallyAsync(
            async () =>
            {
                try
                {
                    await Cart(client).PutAsync("after", "2", KvContext.None);
                    return "";
                }
                catch (KvException error) when (error.Reason == "DISK_FULL")
                {
                    return null;
                }
            },
            "writes to be taken again");
        Assert.Equal("serving", (await cluster.StatusAsync("n1"))?.Eventual.State);
        Assert.Equal(["1"], (await Cart(client).GetAsync("kept")).Values);
        Assert.Equal(["2"], (await Cart(client).GetAsync("after")).Values);
        foreach (var key in taken)
        {
            Assert.Equal([Value], (await Cart(client).GetAsync(key)).Values);
        }

        Assert.False(ended.IsCompleted, "the node with the full disk ended");
    }

    /// <summary>A client that had only this address could write nothing, although both other nodes had room.</summary>
    [Fact]
    public async Task A_write_that_arrives_at_a_node_with_a_full_disk_is_made_on_the_other_two()
    {
        using var disk = SmallDisk.TryMount(mebibytes: 160);
        Assert.SkipWhen(disk is null, "Mounting a file system of its own needs root.");
        await using var cluster = await ProcessCluster.StartAsync(
            shards: 1,
            settings: new() { ["limits"] = new { diskReserveBytes = 16 << 20 }, ["log"] = SmallLog },
            settingsOf: new() { [Node] = new() { ["dataDirectory"] = Path.Combine(disk!.Root, "data") } });
        await CreateAsync(cluster);
        await using var client = At(cluster, Node);
        disk.FillUpTo(8 << 20);
        await cluster.EventuallyAsync(
            async () => (await cluster.StatusAsync(Node))?.DiskFreeBytes < 16 << 20 ? "" : null, "the node to measure its full disk");

        foreach (var number in Enumerable.Range(0, 20))
        {
            await Cart(client).PutAsync($"k{number}", "1", KvContext.None, new KvEventualOptions { Write = 2 });
        }

        cluster.Pause(Node);
        await using var other = At(cluster, "n1");
        foreach (var number in Enumerable.Range(0, 20))
        {
            Assert.Equal(["1"], (await Cart(other).GetAsync($"k{number}", Majority)).Values);
        }

        cluster.Resume(Node);
    }

    [Fact]
    public async Task A_failed_disk_during_eventual_writes_ends_the_process_with_its_own_exit_code()
    {
        Assert.SkipUnless(Strace.IsInstalled, "strace is not installed (apt-get install strace).");
        var trace = Path.GetTempFileName();
        await using var cluster = await ProcessCluster.StartAsync(shards: 1, nodes: 1);
        await CreateAsync(cluster);
        await using var client = At(cluster, "n1");
        var ended = cluster.WhenEndedByItselfAsync("n1");
        await using (await Strace.FailSyncsAsync(cluster.ProcessId("n1"), trace))
        {
            // No write is acknowledged that was not synced.
            await Assert.ThrowsAnyAsync<KvException>(async () => await Cart(client).PutAsync("k", "v", KvContext.None));
            EndsQuietly(await ended);
        }

        File.Delete(trace);
    }

    [Fact]
    public async Task A_disk_that_fails_while_the_node_stops_ends_the_process_with_its_own_exit_code()
    {
        Assert.SkipUnless(Strace.IsInstalled, "strace is not installed (apt-get install strace).");
        var trace = Path.GetTempFileName();
        await using var cluster = await ProcessCluster.StartAsync(shards: 1, nodes: 1);
        await CreateAsync(cluster);
        await using (var client = At(cluster, "n1"))
        {
            await Cart(client).PutAsync("k", "v", KvContext.None);
        }

        var ended = cluster.WhenEndedByItselfAsync("n1");
        await using (await Strace.KillDiskAsync(cluster.ProcessId("n1"), trace))
        {
            cluster.Signal("n1", "TERM");
            EndsQuietly(await ended);
        }

        File.Delete(trace);
    }

    private static void EndsQuietly((int ExitCode, string Log) end)
    {
        Assert.True(end.ExitCode == ExitCodeOfDiskFailure, $"exit code {end.ExitCode}:\n{end.Log}");
        Assert.DoesNotContain("Unhandled exception", end.Log, StringComparison.Ordinal);
    }

    /// <summary>Writes until the disk is full.</summary>
    private static async Task<(KvException Refused, IReadOnlyList<string> Taken)> FullAsync(KvClient client)
    {
        var taken = new List<string>();
        while (true)
        {
            try
            {
                await Cart(client).PutAsync($"fill-{taken.Count}", Value, KvContext.None);
                taken.Add($"fill-{taken.Count}");
            }
            catch (KvException error)
            {
                return (error, taken);
            }
        }
    }

    /// <summary>Waits until the node has counted so many damaged stores, and every node has compared every token range with all others.</summary>
    private static Task WholeAsync(ProcessCluster cluster, int rebuilds) => cluster.EventuallyAsync(
        async () =>
        {
            var all = await Task.WhenAll(cluster.Nodes.Select(cluster.StatusAsync));
            return all.All(static status => status?.Eventual is { State: "serving", TokenRangesIncomplete: 0, Hints: 0 })
                && all.Single(static status => status!.NodeId == Node)!.Eventual.Rebuilds == rebuilds ? "" : null;
        },
        "every store to be complete");

    private static readonly KvEventualOptions Majority = new() { Read = 2 };

    private static IEventualKeyspace<string, string> Cart(KvClient client) => client.Eventual.Keyspace("carts", KvSerializers.Utf8, KvSerializers.Utf8);

    /// <summary>A client that calls one node only.</summary>
    private static KvClient At(ProcessCluster cluster, string node) => KvClient.Connect(cluster.Options(node) with { Routing = KvRouting.Endpoints });

    private static async Task CreateAsync(ProcessCluster cluster)
    {
        await using var client = cluster.Client();
        var nodes = cluster.Nodes.Count;
        var keyspace = new KeyspaceInfo
        {
            Name = "carts",
            Mode = KeyspaceMode.Eventual,
            Eventual = new EventualPolicy { N = nodes, R = 1, W = nodes },
        };
        await client.Administration.Calls.CreateKeyspaceAsync(keyspace, ifNotExists: true);
        foreach (var node in cluster.Nodes)
        {
            await using var at = At(cluster, node);
            await at.Administration.GetKeyspaceAsync("carts");
        }
    }

    private static void Flip(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        file.Position = file.Length / 3;
        var value = file.ReadByte();
        file.Position--;
        file.WriteByte((byte)(value ^ 0x10));
    }

    private static byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        new Random(7).NextBytes(bytes);
        return bytes;
    }
}
