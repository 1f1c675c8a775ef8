using KvRaft.Storage.Engine;

namespace KvRaft.Storage.Tests;

/// <summary>Both engines, by name, so that a test of the contract runs on each.</summary>
public static class Engines
{
    public const string RocksDb = "RocksDb";
    public const string InMemory = "InMemory";

    /// <summary>One set of resources for the whole test process, as in a node.</summary>
    public static readonly StorageResources Shared = new(new StorageBudget { MemoryBytes = 128L << 20, BackgroundThreads = 2 });

    private static readonly InMemoryEngines Memory = new();

    public static TheoryData<string> Both => [RocksDb, InMemory];

    public static IEngineFactory Named(string name) => name == RocksDb ? Shared : Memory;
}
