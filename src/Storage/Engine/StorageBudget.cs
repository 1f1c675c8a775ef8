namespace KvRaft.Storage.Engine;

/// <summary>The resources that all engines of a process may use together.</summary>
public sealed record StorageBudget
{
    /// <summary>Below this a write buffer would be smaller than one large batch.</summary>
    public const long MemoryBytesMin = 32L << 20;

    /// <summary>
    /// Native memory for write buffers, block cache, indexes and filters of all engines, bytes. RocksDB allocates outside the
    /// garbage-collected heap, so the limit of a container must cover this and the heap. Default 512 MiB.
    /// </summary>
    public long MemoryBytes { get; init; } = 512L << 20;

    /// <summary>Threads that flush and compact, for all engines together. Default: half the processors, at least 2 and at most 8.</summary>
    public int BackgroundThreads { get; init; } = Math.Clamp(Environment.ProcessorCount / 2, 2, 8);

    /// <summary>
    /// Bytes per second that flushes and compactions may write, together; 0 (the default) sets no limit. A limit improves foreground
    /// latency on slow disks.
    /// </summary>
    public long BackgroundWriteBytesPerSecond { get; init; }

    /// <exception cref="ArgumentException">Lists every fault.</exception>
    public void Validate()
    {
        var faults = new List<string>();
        if (MemoryBytes < MemoryBytesMin)
        {
            faults.Add($"{nameof(MemoryBytes)} is {MemoryBytes}, at least {MemoryBytesMin} is needed");
        }

        if (BackgroundThreads < 2)
        {
            faults.Add($"{nameof(BackgroundThreads)} is {BackgroundThreads}, at least 2 are needed: one that flushes while one compacts");
        }

        if (BackgroundWriteBytesPerSecond < 0)
        {
            faults.Add($"{nameof(BackgroundWriteBytesPerSecond)} is negative");
        }

        if (faults.Count > 0)
        {
            throw new ArgumentException(string.Join("; ", faults) + ".");
        }
    }
}

/// <summary>How much of the budget is in use, bytes.</summary>
/// <param name="CacheBytes">Block cache, with the share reserved for write buffers.</param>
/// <param name="CachePinnedBytes">The part of it that cannot be evicted now.</param>
/// <param name="WriteBufferBytes">Unflushed writes of all engines.</param>
/// <param name="WriteBufferBytesMax">The size at which flushes are forced.</param>
public readonly record struct StorageUsage(long CacheBytes, long CachePinnedBytes, long WriteBufferBytes, long WriteBufferBytesMax);
