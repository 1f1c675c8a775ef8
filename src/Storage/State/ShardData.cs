using System.Buffers.Binary;
using System.Security.Cryptography;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Engine;
using KvRaft.Storage.Schema;

namespace KvRaft.Storage.State;

/// <summary>
/// Keys and values inside one apply. Every change updates three things together: the data row, its row in
/// the expiry index, and the counters.
/// </summary>
internal sealed class ShardData(ApplyContext context)
{
    /// <summary>Row keys up to this length are built on the stack; nearly all are shorter.</summary>
    private const int StackBytesMax = 256;

    /// <summary>The hashes of the values that commands of this entry have asked for, by row: 32 bytes each, and no more of them than commands and compares.</summary>
    private readonly Dictionary<byte[], (long Version, byte[] Hash)> _hashes = new(ByteStringComparer.Instance);

    /// <summary>The value of a key for conditions and answers; null once the key has expired by the clock.</summary>
    public StoredValue? Find(KeyspaceId keyspace, ReadOnlySpan<byte> key) =>
        ReadRow(keyspace, key) is { } value && value.IsVisibleAt(context.State.Clock) ? value : null;

    /// <summary>Version, expiry and length of the value; null once the key has expired by the clock. The bytes of the value are not read.</summary>
    public RowHead? FindHead(KeyspaceId keyspace, ReadOnlySpan<byte> key) =>
        ReadHead(keyspace, key) is { } head && head.IsVisibleAt(context.State.Clock) ? head : null;

    /// <summary>
    /// Whether a condition holds for a key. A condition is shorter than the value that it is about, so the cost of a check must not be that of the value each
    /// time: a value is compared only with one of its length, and each value is read and hashed once in an entry, however many commands and compares name
    /// its hash.
    /// </summary>
    /// <param name="head">Of <see cref="FindHead"/>.</param>
    public bool Holds(Condition condition, KeyspaceId keyspace, ReadOnlySpan<byte> key, RowHead? head) => condition.Kind switch
    {
        ConditionKind.ValueEquals => head is { } found && found.ValueBytes == condition.Value.Length && condition.HoldsFor(Find(keyspace, key)),
        ConditionKind.ValueSha256Equals => head is { } found && HashOf(keyspace, key, found.Version).SequenceEqual(condition.Value.Span),
        _ => condition.HoldsFor(head?.WithoutBytes),
    };

    /// <summary>The number of a key after an addition, or the reason of the refusal.</summary>
    /// <param name="head">Of <see cref="FindHead"/>.</param>
    public (RefusalReason Refusal, long Value) Add(KeyspaceId keyspace, ReadOnlySpan<byte> key, RowHead? head, Addition addition) =>
        head is { ValueBytes: > Counter.BytesMax }
            ? (RefusalReason.NotANumber, 0)
            : Counter.Add(head is null ? null : Find(keyspace, key), addition.Delta, addition.Initial, addition.Min, addition.Max);

    private ReadOnlySpan<byte> HashOf(KeyspaceId keyspace, ReadOnlySpan<byte> key, long version)
    {
        var row = KeyLayout.Data(keyspace, key);
        if (!_hashes.TryGetValue(row, out var known) || known.Version != version)
        {
            _hashes[row] = known = (version, SHA256.HashData(Find(keyspace, key)!.Value.Value.Span));
        }

        return known.Hash;
    }

    public void Put(KeyspaceId keyspace, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long version, long expireAtMs)
    {
        var before = ReadHead(keyspace, key);
        if (before is { ExpireAtMs: not 0 } expiring && expiring.ExpireAtMs != expireAtMs)
        {
            context.Changes.Delete(KeyLayout.Expiry(expiring.ExpireAtMs, keyspace, key));
        }

        if (expireAtMs != 0 && before?.ExpireAtMs != expireAtMs)
        {
            context.Changes.Put(KeyLayout.Expiry(expireAtMs, keyspace, key), []);
            context.Due.ExpiryAdded(expireAtMs);
        }

        context.Changes.Put(KeyLayout.Data(keyspace, key), DataRow.Encode(value, version, expireAtMs));
        Count(keyspace, before is null ? 1 : 0, value.Length - (before is { } old ? old.ValueBytes : -key.Length));
    }

    /// <summary>Removes the row, visible or not. Returns whether there was one.</summary>
    public bool Remove(KeyspaceId keyspace, ReadOnlySpan<byte> key)
    {
        if (ReadHead(keyspace, key) is not { } before)
        {
            return false;
        }

        Remove(keyspace, key, before);
        return true;
    }

    private void Remove(KeyspaceId keyspace, ReadOnlySpan<byte> key, RowHead before)
    {
        if (before.ExpireAtMs != 0)
        {
            context.Changes.Delete(KeyLayout.Expiry(before.ExpireAtMs, keyspace, key));
        }

        context.Changes.Delete(KeyLayout.Data(keyspace, key));
        Count(keyspace, -1, -(key.Length + before.ValueBytes));
    }

    /// <summary>Whether a range holds more than <paramref name="rowsMax"/> keys, expired ones included.</summary>
    public bool HoldsMoreThan(KeyspaceId keyspace, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, int rowsMax) =>
        context.Changes.Read(KeyLayout.Data(keyspace, from), KeyLayout.DataEnd(keyspace, to), rowsMax + 1, valueBytesMax: 0).Count > rowsMax;

    /// <summary>
    /// Removes up to <paramref name="rowsMax"/> keys of a range, expired ones included. Returns how many of them were visible, and the
    /// first remaining key; null if none remains.
    /// </summary>
    public (long Removed, ReadOnlyMemory<byte>? Resume) RemoveRange(KeyspaceId keyspace, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, int rowsMax)
    {
        // Heads only: a removal must not read a thousand values of a megabyte.
        var rows = context.Changes.Read(KeyLayout.Data(keyspace, from), KeyLayout.DataEnd(keyspace, to), rowsMax + 1, DataRow.HeadBytesMax);
        long removed = 0;
        foreach (var (row, value, length) in rows.Take(rowsMax))
        {
            var head = DataRow.DecodeHead(value, length);
            removed += head.IsVisibleAt(context.State.Clock) ? 1 : 0;
            Remove(keyspace, KeyLayout.KeyOfData(row), head);
        }

        return (removed, rows.Count > rowsMax ? KeyLayout.KeyOfData(rows[^1].Key) : default(ReadOnlyMemory<byte>?));
    }

    /// <summary>
    /// Removes a whole keyspace by one range deletion; returns the number of its keys. The purge removes the rows of the expiry index later
    /// and finds no key behind them.
    /// </summary>
    public long Drop(KeyspaceId keyspace)
    {
        var counters = Counters(context.Changes.Get(KeyLayout.KeyspaceCounters(keyspace)));
        context.Changes.DropRange(KeyLayout.Data(keyspace, []), KeyLayout.DataEnd(keyspace, []));
        context.Changes.Delete(KeyLayout.KeyspaceCounters(keyspace));
        context.State.Keys -= counters.Keys;
        context.State.DataBytes -= counters.Bytes;
        return counters.Keys;
    }

    /// <summary>
    /// Removes up to <paramref name="rowsMax"/> keys that have expired by the clock, earliest first; returns the number of index rows that
    /// were read.
    /// </summary>
    public int PurgeExpired(int rowsMax)
    {
        var from = context.Due.FirstExpiryMs;
        var clock = context.State.Clock;
        if (from > clock || rowsMax == 0)
        {
            return 0;
        }

        var due = KeyLayout.IndexAt(KeyLayout.ExpiryPrefix, clock + 1);
        var rows = context.Changes.Read(KeyLayout.IndexAt(KeyLayout.ExpiryPrefix, from), due, rowsMax, valueBytesMax: 0);
        foreach (var row in rows)
        {
            PurgeRow(row.Key);
        }

        context.Due.ExpiriesStartAt(rows.Count == rowsMax ? KeyLayout.PartsOfExpiry(rows[^1].Key).ExpireAtMs : FirstExpiryFrom(due));
        return rows.Count;
    }

    /// <summary>The content of a counters row; zeros if there is none.</summary>
    public static KeyspaceCounters Counters(byte[]? row) => row is null
        ? default
        : new(BinaryPrimitives.ReadInt64LittleEndian(row), BinaryPrimitives.ReadInt64LittleEndian(row.AsSpan(sizeof(long))));

    private void PurgeRow(byte[] row)
    {
        var (expireAtMs, keyspace, key) = KeyLayout.PartsOfExpiry(row);

        // A dropped keyspace leaves index rows behind: the key may be absent, or be another one that expires later.
        if (ReadHead(keyspace, key) is { } head && head.ExpireAtMs == expireAtMs)
        {
            Remove(keyspace, key, head);
        }
        else
        {
            context.Changes.Delete(row);
        }
    }

    private long FirstExpiryFrom(byte[] row) =>
        context.Changes.Read(row, KeyLayout.AfterPrefix([KeyLayout.ExpiryPrefix]), rowsMax: 1, valueBytesMax: 0) is [var first, ..]
            ? KeyLayout.PartsOfExpiry(first.Key).ExpireAtMs
            : DueTimes.Never;

    private StoredValue? ReadRow(KeyspaceId keyspace, ReadOnlySpan<byte> key) =>
        ReadRow(keyspace, key, int.MaxValue, out _) is { } value ? DataRow.Decode(value) : null;

    private RowHead? ReadHead(KeyspaceId keyspace, ReadOnlySpan<byte> key) =>
        ReadRow(keyspace, key, DataRow.HeadBytesMax, out var length) is { } start ? DataRow.DecodeHead(start, length) : null;

    private byte[]? ReadRow(KeyspaceId keyspace, ReadOnlySpan<byte> key, int bytesWanted, out int rowLength)
    {
        var length = KeyLayout.DataLength(key);
        Span<byte> row = length <= StackBytesMax ? stackalloc byte[StackBytesMax] : new byte[length];
        row = row[..length];
        KeyLayout.WriteData(row, keyspace, key);
        return context.Changes.Get(row, bytesWanted, out rowLength);
    }

    private void Count(KeyspaceId keyspace, int keys, int bytes)
    {
        context.State.Keys += keys;
        context.State.DataBytes += bytes;
        var row = KeyLayout.KeyspaceCounters(keyspace);
        var before = Counters(context.Changes.Get(row));
        var after = new byte[2 * sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(after, before.Keys + keys);
        BinaryPrimitives.WriteInt64LittleEndian(after.AsSpan(sizeof(long)), before.Bytes + bytes);
        context.Changes.Put(row, after);
    }
}
