using System.Buffers.Binary;
using KvRaft.Topology;

namespace KvRaft.Raft.Log;

/// <summary>What a record says. The numbers are on disk (FORMAT.md).</summary>
internal enum RecordKind : byte
{
    /// <summary>One entry; the detail byte is its <see cref="LogEntryKind"/>.</summary>
    Entry = 1,

    /// <summary>The whole state of a group but its entries; the detail byte is a <see cref="StateReason"/>.</summary>
    State = 2,

    /// <summary>The group is gone.</summary>
    Drop = 3,
}

/// <summary>Why a state record was written; replay treats all alike but <see cref="Opened"/>.</summary>
internal enum StateReason : byte
{
    /// <summary>The group is new here: whatever was known of the key before is void.</summary>
    Opened = 1,
    Truncated = 2,
    Voted = 3,
    StartMoved = 4,
    Reset = 5,

    /// <summary>Said again at the head of a segment, so that older segments may go.</summary>
    Restated = 6,

    /// <summary>What a start of the node found, damage included.</summary>
    Recovered = 7,
    Damaged = 8,
    Rebuilt = 9,
}

/// <summary>The first 56 bytes of a record; the table is in FORMAT.md.</summary>
/// <param name="Kind">What the record says.</param>
/// <param name="Detail">Its refinement, by kind.</param>
/// <param name="IsLastOfBatch">Nothing of the same batch follows.</param>
/// <param name="Batch">Batches count up by one over the whole log; batch n + 1 is written after batch n was synced.</param>
/// <param name="Key">The group.</param>
/// <param name="Sequence">Counts the group's records by one, so that a missing one shows.</param>
/// <param name="Index">Of the entry; of the last entry in a state record; else 0.</param>
/// <param name="Term">Likewise.</param>
/// <param name="PayloadLength">Bytes that follow the header, before the padding to 8.</param>
/// <param name="PayloadChecksum">CRC-32C of those.</param>
internal readonly record struct RecordHeader(
    RecordKind Kind,
    byte Detail,
    bool IsLastOfBatch,
    long Batch,
    ReplicaKey Key,
    long Sequence,
    long Index,
    long Term,
    int PayloadLength,
    uint PayloadChecksum)
{
    public const int Bytes = 56;
    public const int Alignment = 8;

    private const byte LastOfBatchFlag = 1;

    /// <summary>Room the record takes in the file, bytes.</summary>
    public int TotalBytes => BytesFor(PayloadLength);

    public static int BytesFor(int payloadLength) => (Bytes + payloadLength + Alignment - 1) & -Alignment;

    /// <param name="target">Where the record stands in the buffer.</param>
    /// <param name="salt">The segment's.</param>
    /// <param name="offset">Where the record will stand in the file; part of the checksum, so that a misplaced record is none.</param>
    public void Write(Span<byte> target, ulong salt, long offset)
    {
        target = target[..Bytes];
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], PayloadChecksum);
        BinaryPrimitives.WriteInt32LittleEndian(target[8..], PayloadLength);
        target[12] = (byte)Kind;
        target[13] = Detail;
        target[14] = IsLastOfBatch ? LastOfBatchFlag : (byte)0;
        target[15] = 0;
        BinaryPrimitives.WriteInt64LittleEndian(target[16..], Batch);
        BinaryPrimitives.WriteInt32LittleEndian(target[24..], Key.Group.Value);
        BinaryPrimitives.WriteInt32LittleEndian(target[28..], Key.Incarnation);
        BinaryPrimitives.WriteInt64LittleEndian(target[32..], Sequence);
        BinaryPrimitives.WriteInt64LittleEndian(target[40..], Index);
        BinaryPrimitives.WriteInt64LittleEndian(target[48..], Term);
        BinaryPrimitives.WriteUInt32LittleEndian(target, Checksum(target, salt, offset));
    }

    /// <summary>Whether a record's header stands at this place; says nothing about its payload.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, ulong salt, long offset, out RecordHeader header)
    {
        header = default;
        // The cheap tests first: a search through garbage asks at every eighth byte.
        if (source.Length < Bytes
            || source[12] is < (byte)RecordKind.Entry or > (byte)RecordKind.Drop
            || source[14] > LastOfBatchFlag
            || source[15] != 0
            || BinaryPrimitives.ReadInt32LittleEndian(source[8..]) < 0
            || BinaryPrimitives.ReadUInt32LittleEndian(source) != Checksum(source[..Bytes], salt, offset))
        {
            return false;
        }

        header = new RecordHeader(
            (RecordKind)source[12],
            source[13],
            source[14] == LastOfBatchFlag,
            BinaryPrimitives.ReadInt64LittleEndian(source[16..]),
            new ReplicaKey(
                new GroupId(BinaryPrimitives.ReadInt32LittleEndian(source[24..])),
                BinaryPrimitives.ReadInt32LittleEndian(source[28..])),
            BinaryPrimitives.ReadInt64LittleEndian(source[32..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[40..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[48..]),
            BinaryPrimitives.ReadInt32LittleEndian(source[8..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[4..]));
        return true;
    }

    private static uint Checksum(ReadOnlySpan<byte> header, ulong salt, long offset)
    {
        var register = Crc32C.Append(Crc32C.Append(~0u, salt), (ulong)offset);
        return ~Crc32C.Append(register, header[4..Bytes]);
    }
}
