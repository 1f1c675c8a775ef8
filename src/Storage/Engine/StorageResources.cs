using RocksDbSharp;

namespace KvRaft.Storage.Engine;

/// <summary>
/// The resources that all RocksDB databases of the process share: one block cache, one write-buffer budget that is charged to that cache, one rate
/// limit, one set of options and the background threads. Create one per process and dispose it after the last engine.
/// <para>
/// When the write buffers together reach their share, the largest of them is flushed, whichever database writes. The default flushes the
/// database that happens to write: it would flush the small buffers of busy shards for ever while one big cold buffer holds the memory.
/// Writers never wait for memory: usage may exceed the budget during a flush.
/// </para>
/// Thread-safe.
/// </summary>
public sealed class StorageResources : IEngineFactory, IDisposable
{
    private const int FlushLargestAcrossDatabases = 2;

    /// <summary>RocksDB's default refill period and fairness of a rate limiter (<c>include/rocksdb/rate_limiter.h</c>).</summary>
    private const long RateRefillMicroseconds = 100_000;

    private const int RateFairness = 10;

    private readonly IntPtr _cache;
    private readonly IntPtr _writeBuffers;
    private readonly IntPtr _rateLimiter;
    private readonly IntPtr _options;
    private readonly long _writeBufferBytesMax;
    private readonly long _cacheBytes;
    private int _openEngines;
    private bool _disposed;

    /// <exception cref="ArgumentException">The budget has faults; all are listed.</exception>
    public StorageResources(StorageBudget budget)
    {
        ArgumentNullException.ThrowIfNull(budget);
        budget.Validate();
        var native = Native.Instance;
        _writeBufferBytesMax = RocksDbTuning.WriteBufferShare(budget.MemoryBytes);
        _cacheBytes = budget.MemoryBytes;
        _cache = native.rocksdb_cache_create_lru((UIntPtr)budget.MemoryBytes);
        _writeBuffers = native.rocksdb_write_buffer_manager_create_with_cache_and_policy(
            (UIntPtr)_writeBufferBytesMax, _cache, allow_stall: 0, FlushLargestAcrossDatabases);
        _options = RocksDbTuning.CreateOptions(budget, _cache, _writeBuffers);
        if (budget.BackgroundWriteBytesPerSecond > 0)
        {
            _rateLimiter = native.rocksdb_ratelimiter_create(budget.BackgroundWriteBytesPerSecond, RateRefillMicroseconds, RateFairness);
            native.rocksdb_options_set_ratelimiter(_options, _rateLimiter);
        }
    }

    public StorageUsage Usage
    {
        get
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed), this);
            var native = Native.Instance;
            return new(
                (long)native.rocksdb_cache_get_usage(_cache),
                (long)native.rocksdb_cache_get_pinned_usage(_cache),
                (long)native.rocksdb_write_buffer_manager_memory_usage(_writeBuffers),
                _writeBufferBytesMax);
        }
    }

    /// <summary>
    /// Evicts what the block cache holds above an eighth of the budget. Blocks of deleted files stay in the cache until other blocks need the memory, so
    /// after overwrites and deletes it is
    /// full of blocks that no read uses. For an idle process: the next reads go to the files.
    /// </summary>
    public void TrimCache()
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed), this);
        var native = Native.Instance;
        native.rocksdb_cache_set_capacity(_cache, (UIntPtr)(_cacheBytes / 8));
        native.rocksdb_cache_set_capacity(_cache, (UIntPtr)_cacheBytes);
    }

    /// <inheritdoc/>
    public long UnflushedBytes => Volatile.Read(ref _disposed) ? 0 : (long)Native.Instance.rocksdb_write_buffer_manager_memory_usage(_writeBuffers);

    /// <summary>Engines opened and not yet disposed.</summary>
    public int OpenEngines => Volatile.Read(ref _openEngines);

    /// <inheritdoc/>
    public IStorageEngine Open(string directory) => Open(directory, journaled: false, _options);

    /// <inheritdoc/>
    public IStorageEngine OpenJournaled(string directory) => Open(directory, RocksDbTuning.JournalTornTailOnly);

    /// <inheritdoc/>
    public IStorageEngine OpenDamagedJournal(string directory) => Open(directory, RocksDbTuning.JournalUpToDamage);

    /// <summary>With a write-ahead log that is read in the given way.</summary>
    private RocksDbEngine Open(string directory, int journalRecovery)
    {
        var native = Native.Instance;
        var options = native.rocksdb_options_create_copy(_options);
        try
        {
            native.rocksdb_options_set_wal_recovery_mode(options, journalRecovery);
            return Open(directory, journaled: true, options);
        }
        finally
        {
            native.rocksdb_options_destroy(options);
        }
    }

    private RocksDbEngine Open(string directory, bool journaled, IntPtr options)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed), this);
        Directory.CreateDirectory(directory);
        var engine = new RocksDbEngine(directory, options, journaled, () => Interlocked.Decrement(ref _openEngines));
        Interlocked.Increment(ref _openEngines);
        return engine;
    }

    /// <exception cref="InvalidOperationException">An engine is still open; its native code would use freed memory.</exception>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        if (OpenEngines > 0)
        {
            throw new InvalidOperationException($"{OpenEngines} engines are still open.");
        }

        Volatile.Write(ref _disposed, true);
        var native = Native.Instance;
        native.rocksdb_options_destroy(_options);
        native.rocksdb_write_buffer_manager_destroy(_writeBuffers);
        native.rocksdb_cache_destroy(_cache);
        if (_rateLimiter != IntPtr.Zero)
        {
            native.rocksdb_ratelimiter_destroy(_rateLimiter);
        }
    }
}
