using System.Runtime.InteropServices;
using RocksDbSharp;

namespace KvRaft.Storage.Engine;

/// <summary>
/// One RocksDB database as an <see cref="IStorageEngine"/>. It calls RocksDB's C interface through the raw functions of the binding, for two reasons:
/// it frees handles at a defined time and not in a finalizer, and only the C interface has the write-buffer manager, pinned reads and read
/// tiers.
/// <para>
/// RocksDB's own write-ahead log is off (<c>disableWAL</c>) unless the engine is journaled: the replicated log replays what was not flushed.
/// All rows are in the one default column family, so a flush contains whole batches, never a part of one.
/// </para>
/// </summary>
internal sealed unsafe class RocksDbEngine : IStorageEngine
{
    /// <summary>
    /// <c>kPersistedTier</c> of <c>include/rocksdb/options.h</c>: with the write-ahead log off, a read that skips write buffers and so
    /// sees exactly what a power cut leaves.
    /// </summary>
    private const int PersistedTier = 2;

    private readonly string _directory;
    private readonly Action _closed;
    private readonly bool _journaled;
    private readonly IntPtr _database;
    private readonly IntPtr _readOptions;
    private readonly IntPtr _durableReadOptions;
    private readonly IntPtr _writeOptions;

    /// <summary>Background errors seen by <see cref="Probe"/>. RocksDB counts them and recovers from some by itself.</summary>
    private long _backgroundErrors;
    private bool _disposed;

    public RocksDbEngine(string directory, IntPtr options, bool journaled, Action closed)
    {
        _directory = directory;
        _journaled = journaled;
        _closed = closed;
        _database = Open(directory, options);
        var native = Native.Instance;
        _readOptions = native.rocksdb_readoptions_create();
        _durableReadOptions = native.rocksdb_readoptions_create();
        native.rocksdb_readoptions_set_read_tier(_durableReadOptions, PersistedTier);
        _writeOptions = native.rocksdb_writeoptions_create();
        native.rocksdb_writeoptions_disable_WAL(_writeOptions, journaled ? 0 : 1);
    }

    public EngineStatistics Statistics => new(
        Property("rocksdb.cur-size-all-mem-tables"),
        Property("rocksdb.live-sst-files-size"),
        Property("rocksdb.estimate-pending-compaction-bytes"),
        Property("rocksdb.is-write-stopped") != 0 || Property("rocksdb.actual-delayed-write-rate") != 0);

    public long Sequence => (long)Native.Instance.rocksdb_get_latest_sequence_number(_database);

    public byte[]? Get(ReadOnlySpan<byte> key) => Get(_readOptions, key);

    public byte[]? Get(ReadOnlySpan<byte> key, int bytesMax, out int length) => Get(_readOptions, key, bytesMax, out length);

    public byte[]? GetDurable(ReadOnlySpan<byte> key) => Get(_durableReadOptions, key);

    public IEngineSnapshot TakeSnapshot() => new RocksDbSnapshot(this, _database);

    public void Write(EngineBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var native = Native.Instance;
        var bytes = batch.Seal();
        fixed (byte* start = bytes)
        {
            var handle = native.rocksdb_writebatch_create_from(start, (UIntPtr)bytes.Length);
            try
            {
                native.rocksdb_write(_database, _writeOptions, handle);
            }
            catch (RocksDbException error)
            {
                throw RocksDbErrors.Translate(error, $"A write of {batch.Count} changes", _directory);
            }
            finally
            {
                native.rocksdb_writebatch_destroy(handle);
            }
        }
    }

    public void Flush()
    {
        var native = Native.Instance;
        if (_journaled)
        {
            SyncJournal(native);
            return;
        }

        var options = native.rocksdb_flushoptions_create();
        try
        {
            native.rocksdb_flush(_database, options);
        }
        catch (RocksDbException error)
        {
            throw RocksDbErrors.Translate(error, "A flush", _directory);
        }
        finally
        {
            native.rocksdb_flushoptions_destroy(options);
        }
    }

    private void SyncJournal(Native native)
    {
        try
        {
            native.rocksdb_flush_wal(_database, 1);
        }
        catch (RocksDbException error)
        {
            throw RocksDbErrors.Translate(error, "A sync of the write-ahead log", _directory);
        }
    }

    /// <summary>All levels, so that the rows under a tombstone are removed with it. RocksDB reports no failure here: a relevant one is a background error
    /// (<see cref="Probe"/>).</summary>
    public void Compact() => Native.Instance.rocksdb_compact_range(_database, (byte*)null, UIntPtr.Zero, (byte*)null, UIntPtr.Zero);

    /// <summary>
    /// After a new background error an empty batch is written. It changes nothing, and fails with that error exactly if RocksDB has stopped accepting writes.
    /// </summary>
    public void Probe()
    {
        var errors = Property("rocksdb.background-errors");
        if (errors == _backgroundErrors)
        {
            return;
        }

        Write(new EngineBatch());
        _backgroundErrors = errors;
    }

    public void SaveCheckpoint(string directory)
    {
        var native = Native.Instance;
        try
        {
            var checkpoint = native.rocksdb_checkpoint_object_create(_database);
            try
            {
                // 0: flush first, so that the copy needs no write-ahead log.
                native.rocksdb_checkpoint_create(checkpoint, directory, 0);
            }
            finally
            {
                native.rocksdb_checkpoint_object_destroy(checkpoint);
            }
        }
        catch (RocksDbException error)
        {
            // If the target directory cannot be created, this database is not damaged, although the error is the same.
            throw Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(directory)))
                ? RocksDbErrors.Translate(error, $"A checkpoint into {directory}", _directory)
                : new StorageException($"A checkpoint of {_directory} failed: the parent directory of {directory} does not exist.", error);
        }
    }

    public void VerifyChecksums()
    {
        try
        {
            Native.Instance.rocksdb_verify_checksum(_database);
        }
        catch (RocksDbException error)
        {
            throw RocksDbErrors.Translate(error, "Verification", _directory);
        }
    }

    /// <summary>Closes the database. RocksDB flushes the unflushed writes, so a clean stop leaves nothing to replay.</summary>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        var native = Native.Instance;
        native.rocksdb_close(_database);
        native.rocksdb_readoptions_destroy(_readOptions);
        native.rocksdb_readoptions_destroy(_durableReadOptions);
        native.rocksdb_writeoptions_destroy(_writeOptions);
        _closed();
    }

    internal byte[]? Get(IntPtr options, ReadOnlySpan<byte> key) => Get(options, key, int.MaxValue, out _);

    private byte[]? Get(IntPtr options, ReadOnlySpan<byte> key, int bytesMax, out int length)
    {
        var native = Native.Instance;
        IntPtr slice;
        try
        {
            fixed (byte* start = &MemoryMarshal.GetReference(key))
            {
                slice = native.rocksdb_get_pinned(_database, options, start, (UIntPtr)key.Length);
            }
        }
        catch (RocksDbException error)
        {
            throw RocksDbErrors.Translate(error, "A read", _directory);
        }

        length = 0;
        if (slice == IntPtr.Zero)
        {
            return null;
        }

        try
        {
            // Pinned, not copied: the length is available before managed memory is allocated.
            var value = native.rocksdb_pinnableslice_value(slice, out var whole);
            length = checked((int)whole);
            return new ReadOnlySpan<byte>((void*)value, Math.Min(length, bytesMax)).ToArray();
        }
        finally
        {
            native.rocksdb_pinnableslice_destroy(slice);
        }
    }

    internal StorageException Translate(RocksDbException error, string action) => RocksDbErrors.Translate(error, action, _directory);

    private static IntPtr Open(string directory, IntPtr options)
    {
        // If the CURRENT file is missing, RocksDB treats the directory as empty, and creates a new database beside the tables.
        if (!File.Exists(Path.Combine(directory, "CURRENT"))
            && Directory.EnumerateFiles(directory).Any(static file => Path.GetExtension(file) is ".sst" or ".log"))
        {
            throw new StorageCorruptionException($"Opening the database in {directory} failed: it has tables or a write-ahead log and no CURRENT file.");
        }

        try
        {
            return Native.Instance.rocksdb_open(options, directory);
        }
        catch (RocksDbException error)
        {
            throw RocksDbErrors.Translate(error, "Opening the database", directory);
        }
    }

    private long Property(string name)
    {
        ulong value = 0;
        return Native.Instance.rocksdb_property_int(_database, name, (IntPtr)(&value)) == 0 ? (long)value : 0;
    }
}
