using RocksDbSharp;

namespace KvRaft.Storage.Engine;

/// <summary>A RocksDB snapshot: a sequence number below which nothing is dropped until it is released.</summary>
internal sealed class RocksDbSnapshot : IEngineSnapshot
{
    private readonly RocksDbEngine _engine;
    private readonly IntPtr _database;
    private readonly IntPtr _snapshot;
    private readonly IntPtr _readOptions;
    private bool _disposed;

    public RocksDbSnapshot(RocksDbEngine engine, IntPtr database)
    {
        var native = Native.Instance;
        _engine = engine;
        _database = database;
        _snapshot = native.rocksdb_create_snapshot(database);
        _readOptions = native.rocksdb_readoptions_create();
        native.rocksdb_readoptions_set_snapshot(_readOptions, _snapshot);
    }

    public byte[]? Get(ReadOnlySpan<byte> key) => _engine.Get(_readOptions, key);

    public IEngineCursor Scan(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool reverse = false) =>
        new RocksDbCursor(_engine, _database, _snapshot, from, to, reverse);

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        Native.Instance.rocksdb_readoptions_destroy(_readOptions);
        Native.Instance.rocksdb_release_snapshot(_database, _snapshot);
    }
}
