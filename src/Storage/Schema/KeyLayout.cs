using System.Buffers.Binary;

namespace KvRaft.Storage.Schema;

/// <summary>
/// The key space of a shard replica: the use of each first byte. Numbers inside keys are big-endian, so that the engine's
/// byte order is their order.
/// <code>
///  first  row                 key after the first byte                    value
///  ─────  ──────────────────  ──────────────────────────────────────────  ─────────────────────────────────────────
///  0x01   shard state         "state"                                     position, clock, revision, counters (ShardState)
///  0x01   keyspace counters   "k" keyspace:u32                            keys:i64 bytes:i64 (KeyspaceCounters)
///  0x10   strong data         keyspace:u32 key                            DataRow: version, expiry, bytes
///  0x20   session             client:16                                   SessionRow: floor, last activity, counts
///  0x21   remembered outcome  client:16 sequence:u64                      body hash, outcome
///  0x22   idle sessions       index:u64 (log) client:16                   granule:varint, of the shard's clock
///  0x30   expiry index        expireAt:u64 (ms) keyspace:u32 key          empty
///  0x40   reserved            change feed: revision:u64 → change
///  0x50   reserved            transaction intents across shards
///  0x60 … 0x6F reserved       eventual keyspaces: siblings, hints, trees
///  0xFF   never used          so that every prefix has an end
/// </code>
/// Each mode of keyspace has its own prefix, and a key never changes its mode: no eventual write can bypass a strong compare-and-set.
/// No row names the shard or the number of shards, so a copy of a token range can split a shard.
/// </summary>
internal static class KeyLayout
{
    public const byte MetaPrefix = 0x01;
    public const byte DataPrefix = 0x10;
    public const byte SessionPrefix = 0x20;
    public const byte OutcomePrefix = 0x21;
    public const byte IdlePrefix = 0x22;
    public const byte ExpiryPrefix = 0x30;

    private const int KeyspaceSize = sizeof(uint);
    private const int DataHeader = 1 + KeyspaceSize;
    private const int ExpiryHeader = 1 + sizeof(ulong) + KeyspaceSize;

    /// <summary>The one row that holds the position of this replica.</summary>
    public static ReadOnlySpan<byte> ShardState => [MetaPrefix, (byte)'s', (byte)'t', (byte)'a', (byte)'t', (byte)'e'];

    public static byte[] Data(KeyspaceId keyspace, ReadOnlySpan<byte> key)
    {
        var row = new byte[DataLength(key)];
        WriteData(row, keyspace, key);
        return row;
    }

    public static int DataLength(ReadOnlySpan<byte> key) => DataHeader + key.Length;

    public static void WriteData(Span<byte> row, KeyspaceId keyspace, ReadOnlySpan<byte> key)
    {
        row[0] = DataPrefix;
        BinaryPrimitives.WriteUInt32BigEndian(row[1..], keyspace.Value);
        key.CopyTo(row[DataHeader..]);
    }

    /// <summary>The key of the user inside the key of a data row.</summary>
    public static byte[] KeyOfData(ReadOnlySpan<byte> row) => row[DataHeader..].ToArray();

    public static KeyspaceId KeyspaceOfData(ReadOnlySpan<byte> row) => new(BinaryPrimitives.ReadUInt32BigEndian(row[1..]));

    /// <summary>The end of [from, to) in a keyspace, where an empty <paramref name="to"/> means the keyspace's end.</summary>
    public static byte[] DataEnd(KeyspaceId keyspace, ReadOnlySpan<byte> to) =>
        to.IsEmpty ? AfterPrefix(Data(keyspace, [])) : Data(keyspace, to);

    public static byte[] KeyspaceCounters(KeyspaceId keyspace)
    {
        var row = new byte[2 + KeyspaceSize];
        row[0] = MetaPrefix;
        row[1] = (byte)'k';
        BinaryPrimitives.WriteUInt32BigEndian(row.AsSpan(2), keyspace.Value);
        return row;
    }

    public static byte[] Session(ClientId client)
    {
        var row = new byte[1 + ClientId.Size];
        row[0] = SessionPrefix;
        client.WriteTo(row.AsSpan(1));
        return row;
    }

    public static byte[] Outcome(ClientId client, ulong sequence)
    {
        var row = new byte[1 + ClientId.Size + sizeof(ulong)];
        row[0] = OutcomePrefix;
        client.WriteTo(row.AsSpan(1));
        BinaryPrimitives.WriteUInt64BigEndian(row.AsSpan(1 + ClientId.Size), sequence);
        return row;
    }

    public static ulong SequenceOfOutcome(ReadOnlySpan<byte> row) => BinaryPrimitives.ReadUInt64BigEndian(row[(1 + ClientId.Size)..]);

    /// <summary>
    /// The position of a session in the idle queue. Log indices only grow, so a session always joins at the end, and the longest-idle one is
    /// always the first row.
    /// </summary>
    public static byte[] Idle(long index, ClientId client)
    {
        var row = new byte[1 + sizeof(ulong) + ClientId.Size];
        WriteTime(row, IdlePrefix, index);
        client.WriteTo(row.AsSpan(1 + sizeof(ulong)));
        return row;
    }

    public static (long Index, ClientId Client) PartsOfIdle(ReadOnlySpan<byte> row) =>
        (ReadTime(row), ClientId.Read(row[(1 + sizeof(ulong))..]));

    public static byte[] Expiry(long expireAtMs, KeyspaceId keyspace, ReadOnlySpan<byte> key)
    {
        var row = new byte[ExpiryHeader + key.Length];
        WriteTime(row, ExpiryPrefix, expireAtMs);
        BinaryPrimitives.WriteUInt32BigEndian(row.AsSpan(1 + sizeof(ulong)), keyspace.Value);
        key.CopyTo(row.AsSpan(ExpiryHeader));
        return row;
    }

    public static (long ExpireAtMs, KeyspaceId Keyspace, byte[] Key) PartsOfExpiry(ReadOnlySpan<byte> row) => (
        ReadTime(row),
        new(BinaryPrimitives.ReadUInt32BigEndian(row[(1 + sizeof(ulong))..])),
        row[ExpiryHeader..].ToArray());

    /// <summary>The first possible row of <see cref="ExpiryPrefix"/> at this time, or of <see cref="IdlePrefix"/> at this log index.</summary>
    public static byte[] IndexAt(byte prefix, long time)
    {
        var row = new byte[1 + sizeof(ulong)];
        WriteTime(row, prefix, time);
        return row;
    }

    /// <summary>
    /// The smallest byte string greater than everything that begins with <paramref name="prefix"/>; empty if there is none
    /// (<paramref name="prefix"/> is empty or all 0xFF), which callers read as "to the end".
    /// </summary>
    public static byte[] AfterPrefix(ReadOnlySpan<byte> prefix)
    {
        var last = prefix.LastIndexOfAnyExcept((byte)0xFF);
        if (last < 0)
        {
            return [];
        }

        var after = prefix[..(last + 1)].ToArray();
        after[last]++;
        return after;
    }

    private static void WriteTime(Span<byte> row, byte prefix, long time)
    {
        row[0] = prefix;
        BinaryPrimitives.WriteUInt64BigEndian(row[1..], (ulong)time);
    }

    /// <summary>The time in a row of either time index.</summary>
    public static long TimeOf(ReadOnlySpan<byte> row) => ReadTime(row);

    private static long ReadTime(ReadOnlySpan<byte> row) => (long)BinaryPrimitives.ReadUInt64BigEndian(row[1..]);
}
