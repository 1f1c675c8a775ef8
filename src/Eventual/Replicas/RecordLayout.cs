using System.Buffers.Binary;
using System.Text;
using KvRaft.Eventual.Trees;
using KvRaft.Topology;

namespace KvRaft.Eventual.Replicas;

/// <summary>
/// The key space of the eventual store. It is separate from the stores of the shards: clients write its rows through any replica that is
/// reachable, not through a log. Numbers inside keys are big-endian, so that the keys of a token range are adjacent.
/// <code>
///  first  row      key after the first byte                                value
///  ─────  ───────  ──────────────────────────────────────────────────────  ──────────────────────────────
///  0x01   record   keyspace:u32 token:u64 key                              StoredRecord
///  0x02   hint     keyspace:u32 token:u64 length:u16 key  node (ASCII)     since:i64 (ms)
///  0x03   leaf     keyspace:u32 range:u16 bucket:u16                       hash:u64 (TokenRangeTree)
///  0x04   grave    keyspace:u32 token:u64 key                              since:i64 (ms), while the record is a tombstone
///  0x05   due      at:u64 (ms) keyspace:u32 token:u64 key                  empty; the first expiry among the record's values
///  0x06   many     keyspace:u32 token:u64 key                              siblings:u32 bytes:u64, while there is more than one value
///  0x07   tenures  -                                                       TenureBook
///  0x08   damaged  keyspace:u32 token:u64 key                              bytes that are not a record, as they were found
/// </code>
/// </summary>
internal static class RecordLayout
{
    public const byte RecordPrefix = 0x01;
    public const byte HintPrefix = 0x02;
    public const byte LeafPrefix = 0x03;
    public const byte GravePrefix = 0x04;
    public const byte DuePrefix = 0x05;
    public const byte ManyPrefix = 0x06;

    public const byte DamagedPrefix = 0x08;

    public static readonly byte[] Tenures = [0x07];

    private const int Head = 1 + sizeof(uint) + sizeof(ulong);
    private const int LeafBytes = 1 + sizeof(uint) + sizeof(ushort) + sizeof(ushort);

    public static byte[] Record(EventualKey key) => Row(RecordPrefix, key, []);

    /// <summary>The order in which records are stored.</summary>
    public static int Compare(EventualKey x, EventualKey y) => Record(x).AsSpan().SequenceCompareTo(Record(y));

    /// <summary>The row where the records of a keyspace at or after a token begin.</summary>
    public static byte[] RecordsFrom(KeyspaceId keyspace, Token token) => Row(RecordPrefix, new EventualKey(keyspace, token, default), []);

    /// <summary>The row where the records of a keyspace end.</summary>
    public static byte[] RecordsEnd(KeyspaceId keyspace) => RecordsFrom(new KeyspaceId(keyspace.Value + 1), default);

    public static EventualKey KeyOfRecord(ReadOnlySpan<byte> row) => new(
        new KeyspaceId(BinaryPrimitives.ReadUInt32BigEndian(row[1..])),
        new Token(BinaryPrimitives.ReadUInt64BigEndian(row[(1 + sizeof(uint))..])),
        row[Head..].ToArray());

    public static byte[] Hint(EventualKey key, NodeId node)
    {
        var name = Encoding.ASCII.GetBytes(node.Value);
        var tail = new byte[sizeof(ushort) + key.Key.Length + name.Length];
        BinaryPrimitives.WriteUInt16BigEndian(tail, checked((ushort)key.Key.Length));
        key.Key.Span.CopyTo(tail.AsSpan(sizeof(ushort)));
        name.CopyTo(tail.AsSpan(sizeof(ushort) + key.Key.Length));
        return Row(HintPrefix, key with { Key = default }, tail);
    }

    public static (EventualKey Key, NodeId Node) PartsOfHint(ReadOnlySpan<byte> row)
    {
        var length = BinaryPrimitives.ReadUInt16BigEndian(row[Head..]);
        var tail = row[(Head + sizeof(ushort))..];
        return (KeyOfRecord([.. row[..Head], .. tail[..length]]), new NodeId(Encoding.ASCII.GetString(tail[length..])));
    }

    public static byte[] Grave(EventualKey key) => Row(GravePrefix, key, []);

    public static byte[] Damaged(EventualKey key) => Row(DamagedPrefix, key, []);

    public static byte[] Many(EventualKey key) => Row(ManyPrefix, key, []);

    public static byte[] ManyValue(int siblings, long bytes)
    {
        var value = new byte[sizeof(uint) + sizeof(ulong)];
        BinaryPrimitives.WriteUInt32LittleEndian(value, (uint)siblings);
        BinaryPrimitives.WriteUInt64LittleEndian(value.AsSpan(sizeof(uint)), (ulong)bytes);
        return value;
    }

    public static CrowdedKey ManyOf(ReadOnlySpan<byte> row, ReadOnlySpan<byte> value) => new(
        KeyOfRecord(row), (int)BinaryPrimitives.ReadUInt32LittleEndian(value), (long)BinaryPrimitives.ReadUInt64LittleEndian(value[sizeof(uint)..]));

    public static byte[] Due(long atMs, EventualKey key)
    {
        var row = new byte[1 + sizeof(ulong) + Head - 1 + key.Key.Length];
        row[0] = DuePrefix;
        BinaryPrimitives.WriteUInt64BigEndian(row.AsSpan(1), (ulong)atMs);
        Record(key).AsSpan(1).CopyTo(row.AsSpan(1 + sizeof(ulong)));
        return row;
    }

    /// <summary>The first row that is due after this time.</summary>
    public static byte[] DueAfter(long nowMs)
    {
        var row = new byte[1 + sizeof(ulong)];
        row[0] = DuePrefix;
        BinaryPrimitives.WriteUInt64BigEndian(row.AsSpan(1), (ulong)nowMs + 1);
        return row;
    }

    public static DueKey DueOf(ReadOnlySpan<byte> row) => new((long)BinaryPrimitives.ReadUInt64BigEndian(row[1..]), KeyOfRecord(row[sizeof(ulong)..]));

    public static byte[] Leaf(LeafPlace place)
    {
        var row = new byte[LeafBytes];
        row[0] = LeafPrefix;
        BinaryPrimitives.WriteUInt32BigEndian(row.AsSpan(1), place.Keyspace.Value);
        BinaryPrimitives.WriteUInt16BigEndian(row.AsSpan(1 + sizeof(uint)), (ushort)place.TokenRange);
        BinaryPrimitives.WriteUInt16BigEndian(row.AsSpan(1 + sizeof(uint) + sizeof(ushort)), (ushort)place.Bucket);
        return row;
    }

    public static LeafPlace PlaceOfLeaf(ReadOnlySpan<byte> row) => new(
        new KeyspaceId(BinaryPrimitives.ReadUInt32BigEndian(row[1..])),
        BinaryPrimitives.ReadUInt16BigEndian(row[(1 + sizeof(uint))..]),
        BinaryPrimitives.ReadUInt16BigEndian(row[(1 + sizeof(uint) + sizeof(ushort))..]));

    /// <summary>The first row of a keyspace under a prefix, and the first row after its last.</summary>
    public static (byte[] From, byte[] To) Keyspace(byte prefix, KeyspaceId keyspace)
    {
        var (from, to) = (new byte[1 + sizeof(uint)], new byte[1 + sizeof(uint)]);
        from[0] = to[0] = prefix;
        BinaryPrimitives.WriteUInt32BigEndian(from.AsSpan(1), keyspace.Value);
        BinaryPrimitives.WriteUInt32BigEndian(to.AsSpan(1), keyspace.Value + 1);
        return (from, to);
    }

    private static byte[] Row(byte prefix, EventualKey key, ReadOnlySpan<byte> tail)
    {
        var row = new byte[Head + key.Key.Length + tail.Length];
        row[0] = prefix;
        BinaryPrimitives.WriteUInt32BigEndian(row.AsSpan(1), key.Keyspace.Value);
        BinaryPrimitives.WriteUInt64BigEndian(row.AsSpan(1 + sizeof(uint)), key.Token.Value);
        key.Key.Span.CopyTo(row.AsSpan(Head));
        tail.CopyTo(row.AsSpan(Head + key.Key.Length));
        return row;
    }
}
