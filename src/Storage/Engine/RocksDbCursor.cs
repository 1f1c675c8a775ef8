using System.Runtime.InteropServices;
using RocksDbSharp;

namespace KvRaft.Storage.Engine;

/// <summary>
/// A RocksDB iterator with both bounds set, so that it stops at the end of the range instead of searching deleted rows beyond it for a
/// live one. RocksDB keeps pointers to the bounds: they stay in native memory until the iterator is disposed.
/// </summary>
internal sealed unsafe class RocksDbCursor : IEngineCursor
{
    private readonly RocksDbEngine _engine;
    private readonly bool _reverse;
    private readonly IntPtr _readOptions;
    private readonly IntPtr _iterator;
    private readonly byte* _bounds;
    private bool _started;
    private bool _disposed;

    public RocksDbCursor(RocksDbEngine engine, IntPtr database, IntPtr snapshot, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool reverse)
    {
        var native = Native.Instance;
        _engine = engine;
        _reverse = reverse;
        _bounds = (byte*)NativeMemory.Alloc((nuint)(from.Length + to.Length + 1));
        from.CopyTo(new Span<byte>(_bounds, from.Length));
        to.CopyTo(new Span<byte>(_bounds + from.Length, to.Length));
        _readOptions = native.rocksdb_readoptions_create();
        native.rocksdb_readoptions_set_snapshot(_readOptions, snapshot);
        native.rocksdb_readoptions_set_iterate_lower_bound(_readOptions, _bounds, (UIntPtr)from.Length);
        if (!to.IsEmpty)
        {
            native.rocksdb_readoptions_set_iterate_upper_bound(_readOptions, _bounds + from.Length, (UIntPtr)to.Length);
        }

        _iterator = native.rocksdb_create_iterator(database, _readOptions);
    }

    public ReadOnlySpan<byte> Key
    {
        get
        {
            var start = Native.Instance.rocksdb_iter_key(_iterator, out var length);
            return new((void*)start, checked((int)length));
        }
    }

    public ReadOnlySpan<byte> Value
    {
        get
        {
            var start = Native.Instance.rocksdb_iter_value(_iterator, out var length);
            return new((void*)start, checked((int)length));
        }
    }

    public bool MoveNext()
    {
        var native = Native.Instance;
        if (_started)
        {
            Advance(native);
        }
        else
        {
            _started = true;
            Start(native);
        }

        return native.rocksdb_iter_valid(_iterator) != 0 || End(native);
    }

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        Native.Instance.rocksdb_iter_destroy(_iterator);
        Native.Instance.rocksdb_readoptions_destroy(_readOptions);
        NativeMemory.Free(_bounds);
    }

    private void Start(Native native)
    {
        if (_reverse)
        {
            native.rocksdb_iter_seek_to_last(_iterator);
        }
        else
        {
            native.rocksdb_iter_seek_to_first(_iterator);
        }
    }

    private void Advance(Native native)
    {
        if (_reverse)
        {
            native.rocksdb_iter_prev(_iterator);
        }
        else
        {
            native.rocksdb_iter_next(_iterator);
        }
    }

    /// <summary>An iterator that is not valid is at the end of its range, or failed; only its status shows which.</summary>
    private bool End(Native native)
    {
        try
        {
            native.rocksdb_iter_get_error(_iterator);
            return false;
        }
        catch (RocksDbException error)
        {
            throw _engine.Translate(error, "A scan");
        }
    }
}
