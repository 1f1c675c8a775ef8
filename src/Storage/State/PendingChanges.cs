using KvRaft.Storage.Engine;

namespace KvRaft.Storage.State;

/// <summary>
/// The changes of the entries of one apply, laid over the engine: later commands see the effects of earlier ones, although nothing
/// is written before the whole batch. A command that may have to be undone as a whole sets a mark and rolls back to it.
/// <para>For one thread, for one apply.</para>
/// </summary>
internal sealed class PendingChanges
{
    private readonly IStorageEngine _engine;

    /// <summary>New values by row; null = deleted. Rows of a dropped range that are not here are deleted.</summary>
    private readonly Dictionary<byte[], byte[]?> _rows = new(ByteStringComparer.Instance);

    private readonly Dictionary<byte[], byte[]?>.AlternateLookup<ReadOnlySpan<byte>> _lookup;
    private readonly List<(byte[] From, byte[] To)> _droppedRanges = [];

    /// <summary>The keys of <see cref="_rows"/> in order; built by the first <see cref="Read"/> of an apply, since most applies read no range.</summary>
    private SortedSet<byte[]>? _ordered;

    /// <summary>How to return to the mark, newest last; empty outside of a marked command.</summary>
    private readonly List<(byte[] Row, bool WasPending, byte[]? Before)> _undo = [];

    private bool _marked;

    /// <summary>
    /// The last row that was read from the engine. The engine does not change before the batch is written, and a write reads its row twice: for the condition,
    /// then for the value that it replaces. RocksDB is a sixth of a put's CPU (tests/Benchmarks, "What a put costs"); this was one of its three reads.
    /// </summary>
    private (byte[] Row, byte[]? Value, int Length)? _lastRead;

    public PendingChanges(IStorageEngine engine)
    {
        _engine = engine;
        _lookup = _rows.GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    /// <summary>Bytes of the rows set so far; a row that was set again counts again: an upper bound of the memory in use.</summary>
    public long BytesSet { get; private set; }

    public byte[]? Get(ReadOnlySpan<byte> row) => Get(row, int.MaxValue, out _);

    /// <summary>At least the first <paramref name="bytesWanted"/> bytes of a row, or all of it, and its whole length; null if there is no such row.</summary>
    public byte[]? Get(ReadOnlySpan<byte> row, int bytesWanted, out int length)
    {
        if (_lookup.TryGetValue(row, out var value))
        {
            length = value?.Length ?? 0;
            return value;
        }

        length = 0;
        return IsDropped(row) ? null : ReadEngine(row, bytesWanted, out length);
    }

    public void Put(byte[] row, byte[] value) => Set(row, value);

    public void Delete(byte[] row) => Set(row, null);

    /// <summary>Deletes everything in [<paramref name="from"/>, <paramref name="to"/>), pending or stored. Cannot be rolled back.</summary>
    public void DropRange(byte[] from, byte[] to)
    {
        Topology.Invariant.Holds(!_marked, "A range was dropped inside a command that may be rolled back.");
        foreach (var row in _rows.Keys.Where(row => IsWithin(row, from, to)).ToList())
        {
            _rows.Remove(row);
            _ordered?.Remove(row);
        }

        _droppedRanges.Add((from, to));
    }

    /// <summary>
    /// Up to <paramref name="rowsMax"/> rows of [<paramref name="from"/>, <paramref name="to"/>) in order, as they are now. At most
    /// <paramref name="valueBytesMax"/> bytes of a value are copied, with its whole length. The list belongs to the caller, so the caller may change rows
    /// while it iterates.
    /// </summary>
    public List<RangeRow> Read(byte[] from, byte[] to, int rowsMax, int valueBytesMax)
    {
        var found = new List<RangeRow>();
        using var snapshot = _engine.TakeSnapshot();
        using var stored = snapshot.Scan(from, to);
        using var pending = PendingWithin(from, to).GetEnumerator();
        var (more, changed) = (stored.MoveNext(), pending.MoveNext());
        while (found.Count < rowsMax && (more || changed))
        {
            var order = !more ? 1 : !changed ? -1 : stored.Key.SequenceCompareTo(pending.Current);
            if (order < 0 && !IsDropped(stored.Key))
            {
                found.Add(new(stored.Key.ToArray(), stored.Value[..Math.Min(stored.Value.Length, valueBytesMax)].ToArray(), stored.Value.Length));
            }
            else if (order >= 0 && _rows[pending.Current] is { } value)
            {
                found.Add(new(pending.Current, value, value.Length));
            }

            changed = order >= 0 ? pending.MoveNext() : changed;
            more = order <= 0 ? stored.MoveNext() : more;
        }

        return found;
    }

    /// <summary>From here on changes can be undone, until <see cref="Keep"/> or <see cref="RollBack"/>.</summary>
    public void Mark() => _marked = true;

    public void Keep()
    {
        _marked = false;
        _undo.Clear();
    }

    public void RollBack()
    {
        for (var i = _undo.Count - 1; i >= 0; i--)
        {
            var (row, wasPending, before) = _undo[i];
            if (wasPending)
            {
                _rows[row] = before;
            }
            else
            {
                _rows.Remove(row);
                _ordered?.Remove(row);
            }
        }

        Keep();
    }

    /// <summary>All changes, ready to be written. Ranges go first: a row that was put into a range after its drop stays.</summary>
    public void WriteTo(EngineBatch batch)
    {
        foreach (var (from, to) in _droppedRanges)
        {
            batch.DeleteRange(from, to);
        }

        foreach (var (row, value) in _rows)
        {
            if (value is null)
            {
                batch.Delete(row);
            }
            else
            {
                batch.Put(row, value);
            }
        }
    }

    private IEnumerable<byte[]> PendingWithin(byte[] from, byte[] to)
    {
        _ordered ??= new SortedSet<byte[]>(_rows.Keys, ByteStringComparer.Instance);
        return from.AsSpan().SequenceCompareTo(to) < 0 ? _ordered.GetViewBetween(from, to).TakeWhile(row => IsWithin(row, from, to)) : [];
    }

    private static bool IsWithin(ReadOnlySpan<byte> row, byte[] from, byte[] to) =>
        row.SequenceCompareTo(from) >= 0 && row.SequenceCompareTo(to) < 0;

    private void Set(byte[] row, byte[]? value)
    {
        if (_marked)
        {
            _undo.Add((row, _rows.TryGetValue(row, out var before), before));
        }

        _rows[row] = value;
        _ordered?.Add(row);
        BytesSet += row.Length + (value?.Length ?? 0);
    }

    private byte[]? ReadEngine(ReadOnlySpan<byte> row, int bytesWanted, out int length)
    {
        if (_lastRead is not { } last || !row.SequenceEqual(last.Row) || (last.Value is { } seen && seen.Length < Math.Min(last.Length, bytesWanted)))
        {
            var value = _engine.Get(row, bytesWanted, out var whole);
            _lastRead = last = (row.ToArray(), value, whole);
        }

        length = last.Length;
        return last.Value;
    }

    private bool IsDropped(ReadOnlySpan<byte> row)
    {
        foreach (var (from, to) in _droppedRanges)
        {
            if (IsWithin(row, from, to))
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>One row of a range.</summary>
/// <param name="Key">The whole key.</param>
/// <param name="Value">As much of the value as was requested, or more.</param>
/// <param name="Length">The length of the whole value.</param>
internal readonly record struct RangeRow(byte[] Key, byte[] Value, int Length);
