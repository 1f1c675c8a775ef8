using System.Collections.Immutable;

namespace KvRaft.Storage.Engine;

/// <summary>
/// The same contract on an immutable sorted set: for tests and simulations, and to compare <see cref="RocksDbEngine"/> with.
/// Its durable copy is one file, which each flush replaces; like RocksDB, it flushes on disposal.
/// </summary>
internal sealed class InMemoryEngine : IStorageEngine
{
    private readonly string _file;
    private volatile ImmutableSortedSet<Row> _rows;
    private volatile ImmutableSortedSet<Row> _durable;

    public InMemoryEngine(string directory)
    {
        Directory.CreateDirectory(directory);
        _file = Path.Combine(directory, InMemoryFile.Name);
        _rows = _durable = InMemoryFile.Read(_file);
    }

    public EngineStatistics Statistics => new(0, File.Exists(_file) ? new FileInfo(_file).Length : 0, 0, WriteStalled: false);

    public byte[]? Get(ReadOnlySpan<byte> key) => Find(_rows, key);

    public byte[]? GetDurable(ReadOnlySpan<byte> key) => Find(_durable, key);

    public IEngineSnapshot TakeSnapshot() => new Snapshot(_rows);

    public void Write(EngineBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var rows = _rows.ToBuilder();
        var reader = new ByteReader(batch.Seal()[EngineBatch.HeaderBytes..].ToArray());
        while (!reader.AtEnd)
        {
            var tag = reader.Byte();
            var key = reader.Bytes(int.MaxValue).ToArray();
            if (tag == EngineBatch.DeleteRangeTag)
            {
                DeleteRange(rows, key, reader.Bytes(int.MaxValue).Span);
                continue;
            }

            rows.Remove(new(key, []));
            if (tag == EngineBatch.PutTag)
            {
                rows.Add(new(key, reader.Bytes(int.MaxValue).ToArray()));
            }
        }

        _rows = rows.ToImmutable();
    }

    public void Flush()
    {
        var rows = _rows;
        InMemoryFile.Write(_file, rows);
        _durable = rows;
    }

    public void SaveCheckpoint(string directory)
    {
        if (Directory.Exists(directory))
        {
            throw new StorageException($"A checkpoint into {directory} failed: the directory exists.");
        }

        Flush();
        Directory.CreateDirectory(directory);
        InMemoryFile.Write(Path.Combine(directory, InMemoryFile.Name), _rows);
    }

    public void VerifyChecksums() => InMemoryFile.Read(_file);

    public void Dispose() => Flush();

    private static void DeleteRange(ImmutableSortedSet<Row>.Builder rows, byte[] from, ReadOnlySpan<byte> to)
    {
        if (!to.IsEmpty)
        {
            rows.ExceptWith(Range(rows.ToImmutable(), from, to, reverse: false));
        }
    }

    private static byte[]? Find(ImmutableSortedSet<Row> rows, ReadOnlySpan<byte> key) =>
        rows.TryGetValue(new(key.ToArray(), []), out var row) ? row.Value.ToArray() : null;

    private static IEnumerable<Row> Range(ImmutableSortedSet<Row> rows, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool reverse)
    {
        var first = IndexOf(rows, from);
        var end = to.IsEmpty ? rows.Count : IndexOf(rows, to);
        var count = Math.Max(0, end - first);
        return Enumerable.Range(0, count).Select(i => rows[reverse ? end - 1 - i : first + i]);
    }

    private static int IndexOf(ImmutableSortedSet<Row> rows, ReadOnlySpan<byte> key)
    {
        var index = rows.IndexOf(new(key.ToArray(), []));
        return index < 0 ? ~index : index;
    }

    internal readonly record struct Row(byte[] Key, byte[] Value) : IComparable<Row>
    {
        public int CompareTo(Row other) => ByteStringComparer.Instance.Compare(Key, other.Key);
    }

    private sealed class Snapshot(ImmutableSortedSet<Row> rows) : IEngineSnapshot
    {
        public byte[]? Get(ReadOnlySpan<byte> key) => Find(rows, key);

        public IEngineCursor Scan(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool reverse = false) =>
            new Cursor(Range(rows, from, to, reverse).GetEnumerator());

        public void Dispose()
        {
        }
    }

    private sealed class Cursor(IEnumerator<Row> rows) : IEngineCursor
    {
        public ReadOnlySpan<byte> Key => rows.Current.Key;

        public ReadOnlySpan<byte> Value => rows.Current.Value;

        public bool MoveNext() => rows.MoveNext();

        public void Dispose() => rows.Dispose();
    }
}
