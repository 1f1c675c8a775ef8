using System.Diagnostics;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Engine;
using KvRaft.Storage.Shards;

namespace KvRaft.Storage.Tests.Engine;

/// <summary>Measures the process, so no other test may run in it meanwhile.</summary>
[CollectionDefinition(nameof(AloneInTheProcess), DisableParallelization = true)]
public sealed class AloneInTheProcess;

/// <summary>A node hosts hundreds of replicas of which most are idle.</summary>
[Collection(nameof(AloneInTheProcess))]
public sealed class IdleMemoryTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact, Trait("Category", "Long")]
    public void An_idle_replica_costs_less_than_a_mebibyte()
    {
        const int Replicas = 100;
        const long BytesPerReplicaMax = 1 << 20;
        using var resources = new StorageResources(new() { MemoryBytes = StorageBudget.MemoryBytesMin });
        Open(resources, "warm-up").Dispose();

        var before = ResidentBytes();
        var replicas = Enumerable.Range(0, Replicas).Select(i => Open(resources, $"shard{i}")).ToList();
        var used = (ResidentBytes() - before) / Replicas;
        replicas.ForEach(replica => replica.Dispose());

        Assert.True(used < BytesPerReplicaMax, $"An idle replica takes {used} bytes.");
        TestContext.Current.TestOutputHelper?.WriteLine($"An idle replica takes {used} bytes.");
    }

    private static long ResidentBytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }

    private ShardStateMachine Open(StorageResources resources, string name)
    {
        var machine = ShardStateMachine.Open(_directory[name], resources, ShardSettings.Default);
        machine.Apply([new(new(1, 1), 1, [CommandCodec.Encode(new PutCommand(new(1), new byte[10], new byte[100]))])]);
        return machine;
    }
}
