using RocksDbSharp;

namespace KvRaft.Storage.Engine;

/// <summary>
/// Every number that RocksDB is configured with, and its reason. The setting is one process with up to hundreds of databases of which a few are
/// hot, no write-ahead log, one writer per database, and one memory budget for all.
/// </summary>
internal static class RocksDbTuning
{
    /// <summary>
    /// Share of the budget that unflushed writes of all databases may take; the rest caches blocks. A third: the workload is
    /// write-heavy, and larger buffers mean fewer, larger level-0 files and less rewriting, but reads need the cache.
    /// </summary>
    public const int WriteBufferShareDivisor = 3;

    /// <summary>
    /// The write buffer of one database. RocksDB's default of 64 MiB: at 50 MB/s of writes one level-0 file a second. A small budget
    /// lowers it to a quarter of the share of write buffers, so that four hot shards can fill buffers in parallel.
    /// </summary>
    public const long WriteBufferBytes = 64L << 20;

    /// <summary>
    /// First allocation of a used but cold write buffer. The default is an eighth of the buffer (1 MiB after rounding), which each of hundreds of cold
    /// databases
    /// would hold; 64 KiB costs a busy one about a thousand allocations per buffer, which is negligible.
    /// </summary>
    private const int ArenaBlockBytes = 64 << 10;

    /// <summary>Buffers of one database, filling and being flushed: two flushes may lag before writes wait.</summary>
    private const int WriteBuffersMax = 3;

    /// <summary>
    /// Bloom filter bits per key: about 1 % of absent keys cost a block read (RocksDB wiki, "RocksDB Bloom Filter"). Conditional puts
    /// of new keys read absent keys all the time.
    /// </summary>
    private const double BloomBitsPerKey = 10;

    /// <summary>Data block. 16 KiB instead of 4 shrinks index blocks fourfold and compresses better; a point read decompresses 16 KiB in about 10 µs.</summary>
    private const int BlockBytes = 16 << 10;

    /// <summary>
    /// Open table files per database; the rest is reopened on demand. The default (-1) keeps all open and reads every footer at
    /// start, which makes opening slow and, with thousands of files in the process, exhausts descriptors.
    /// </summary>
    private const int OpenFilesMax = 256;

    /// <summary>Threads that open table files at start. The default is 16 for each database, although hundreds open at once.</summary>
    private const int FileOpeningThreads = 1;

    /// <summary>Preallocated manifest. The default of 4 MiB is a hundred times what a database of this size needs, and each database has one.</summary>
    private const int ManifestPreallocationBytes = 64 << 10;

    /// <summary>2^2 shards of the table cache instead of 2^6: it holds at most <see cref="OpenFilesMax"/> entries.</summary>
    private const int TableCacheShardBits = 2;

    /// <summary>Info logs kept, and the size at which one is rolled: enough to show what happened before a fault.</summary>
    private const int InfoLogsMax = 2;

    private const int InfoLogBytesMax = 1 << 20;

    /// <summary>RocksDB's level number for warnings; its information level writes 30 KiB at each open.</summary>
    private const int InfoLogWarnings = 2;

    /// <summary>Bytes of a written table after which the kernel starts to write back, so that the fsync at the end of a flush is short.</summary>
    private const ulong BytesPerSync = 1 << 20;

    /// <summary>
    /// If half of a table, or half of 4,096 consecutive rows, are tombstones, the table is compacted soon, before others that the engine would choose: scans
    /// and sessions
    /// read through tombstones, and the rows they hide occupy disk.
    /// </summary>
    private const int DeletionWindow = 4096;

    private const int DeletionsInWindow = 2048;
    private const double DeletionRatio = 0.5;

    /// <summary>
    /// <c>kTolerateCorruptedTailRecords</c> of <c>include/rocksdb/options.h</c>: a write-ahead log may end within a record, and damage before its end is an
    /// error. The default,
    /// <c>kPointInTimeRecovery</c>, silently drops everything behind the damage, including synced and acknowledged writes.
    /// </summary>
    public const int JournalTornTailOnly = 0;

    /// <summary><c>kPointInTimeRecovery</c>: for a write-ahead log that is known to be damaged.</summary>
    public const int JournalUpToDamage = 2;

    private const int CompressionLz4 = 4;
    private const int CompressionZstd = 7;

    public static long WriteBufferShare(long budgetBytes) => budgetBytes / WriteBufferShareDivisor;

    /// <summary>The options of every database of the process.</summary>
    public static IntPtr CreateOptions(StorageBudget budget, IntPtr cache, IntPtr writeBuffers)
    {
        var native = Native.Instance;
        var options = native.rocksdb_options_create();
        native.rocksdb_options_set_create_if_missing(options, 1);
        SetMemory(native, options, budget, writeBuffers);
        SetFiles(native, options);
        SetTables(native, options, cache);

        // Flush and compaction threads belong to the process (to the default environment), whichever database opens first.
        native.rocksdb_options_set_max_background_jobs(options, budget.BackgroundThreads);
        return options;
    }

    private static void SetMemory(Native native, IntPtr options, StorageBudget budget, IntPtr writeBuffers)
    {
        var buffer = Math.Min(WriteBufferBytes, WriteBufferShare(budget.MemoryBytes) / 4);
        native.rocksdb_options_set_write_buffer_manager(options, writeBuffers);
        native.rocksdb_options_set_write_buffer_size(options, (UIntPtr)buffer);
        native.rocksdb_options_set_max_write_buffer_number(options, WriteBuffersMax);
        native.rocksdb_options_set_arena_block_size(options, ArenaBlockBytes);

        // Statistics dumps wake a timer for each database, and their history holds up to 1 MiB in each.
        native.rocksdb_options_set_stats_dump_period_sec(options, 0);
        native.rocksdb_options_set_stats_persist_period_sec(options, 0);
    }

    private static void SetFiles(Native native, IntPtr options)
    {
        native.rocksdb_options_set_max_open_files(options, OpenFilesMax);
        native.rocksdb_options_set_max_file_opening_threads(options, FileOpeningThreads);
        native.rocksdb_options_set_skip_stats_update_on_db_open(options, 1);
        native.rocksdb_options_set_manifest_preallocation_size(options, (UIntPtr)ManifestPreallocationBytes);
        native.rocksdb_options_set_table_cache_numshardbits(options, TableCacheShardBits);
        native.rocksdb_options_set_keep_log_file_num(options, InfoLogsMax);
        native.rocksdb_options_set_max_log_file_size(options, InfoLogBytesMax);
        native.rocksdb_options_set_info_log_level(options, InfoLogWarnings);
        native.rocksdb_options_set_bytes_per_sync(options, BytesPerSync);
    }

    private static void SetTables(Native native, IntPtr options, IntPtr cache)
    {
        // Light compression where data is rewritten often, strong compression for the 90 % that is rarely rewritten.
        native.rocksdb_options_set_compression(options, CompressionLz4);
        native.rocksdb_options_set_bottommost_compression(options, CompressionZstd);
        native.rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1);
        native.rocksdb_options_add_compact_on_deletion_collector_factory_del_ratio(
            options, (UIntPtr)DeletionWindow, (UIntPtr)DeletionsInWindow, DeletionRatio);

        var table = native.rocksdb_block_based_options_create();
        native.rocksdb_block_based_options_set_block_cache(table, cache);
        native.rocksdb_block_based_options_set_block_size(table, BlockBytes);
        native.rocksdb_block_based_options_set_filter_policy(table, native.rocksdb_filterpolicy_create_bloom_full(BloomBitsPerKey));
        native.rocksdb_block_based_options_set_optimize_filters_for_memory(table, 1);

        // Indexes and filters go into the cache, or the budget would not cover them; those of level 0 stay, because every read uses them.
        native.rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
        native.rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(table, 1);
        native.rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1);
        native.rocksdb_options_set_block_based_table_factory(options, table);
        native.rocksdb_block_based_options_destroy(table);
    }
}
