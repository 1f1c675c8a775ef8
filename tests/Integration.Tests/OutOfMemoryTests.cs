using KvRaft.Client;
using KvRaft.Integration.Tests.Processes;

namespace KvRaft.Integration.Tests;

/// <summary>
/// A node without memory ends at once and reports the reason. A node that continued had lost the loop that accepts other nodes' connections, and accepted none for
/// 25 minutes while it reported itself healthy.
/// </summary>
public sealed class OutOfMemoryTests
{
    private const int OutOfMemoryExitCode = 12;

    [Fact]
    public async Task A_failed_allocation_ends_the_process_with_a_code_of_its_own_and_loses_nothing()
    {
        // 32 MiB of heap, and admission of requests of up to eight times as much.
        await using var cluster = await ProcessCluster.StartAsync(
            shards: 2, nodes: 1, environment: new Dictionary<string, string> { ["DOTNET_GCHeapHardLimit"] = "0x2000000" });
        var node = cluster.Nodes[0];
        await using var client = KvClient.Connect(cluster.Options() with { Timeout = TimeSpan.FromSeconds(5) });
        var keyspace = client.Keyspace("default", KvSerializers.Utf8, KvSerializers.Bytes);
        await keyspace.PutAsync("kept", "kept"u8.ToArray());
        var ended = cluster.WhenEndedByItselfAsync(node);
        var load = Enumerable.Range(0, 64).Select(i => Task.Run(() => PutUntilAsync(keyspace, $"k{i}", ended))).ToArray();

        var (exitCode, log) = await ended;
        await Task.WhenAll(load);
        Assert.Equal(OutOfMemoryExitCode, exitCode);
        Assert.Contains("kvraft: out of memory", log, StringComparison.Ordinal);
        cluster.StartPlain(node);
        await cluster.AllLedAsync();
        Assert.Equal("kept"u8.ToArray(), (await keyspace.GetAsync("kept")).Value.ToArray());
    }

    private static async Task PutUntilAsync(IKeyspace<string, ReadOnlyMemory<byte>> keyspace, string key, Task ended)
    {
        var value = new byte[1 << 20];
        while (!ended.IsCompleted)
        {
            try
            {
                await keyspace.PutAsync(key, value);
            }
            catch (KvException)
            {
                // The node is full, or has ended.
            }
        }
    }
}
