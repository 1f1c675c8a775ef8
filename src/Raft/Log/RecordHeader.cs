using System.Buffers.Binary;
using KvRaft.Topology;

namespace KvRaft.Raft.Log;

/// <summary>The kinds of records. The numbers are on disk (FORMAT.md).</summary>
internal enum RecordKind : byte
{
    /// <summary>One entry; the detail byte is its <see cref="LogEntryKind"/>.</summary>
    Entry = 1,

    /// <summary>The complete state of a group without its entries; the detail byte is a <see cref="StateReason"/>.</summary>
    State = 2,

    /// <summary>The group was dropped.</summary>
    Drop = 3,
}

/// <summary>Why a state record was written; replay treats all reasons alike except <see cref="Opened"/>.</summary>
internal enum StateReason : byte
{
    /// <summary>The group is new here: all earlier records of the key are void.</summary>
    Opened = 1,
    Truncated = 2,
    Voted = 3,
    StartMoved = 4,
    Reset = 5,

    /// <summary>Restated at the head of a segment, so that older segments may be deleted.</summary>
    Restated = 6,

    /// <summary>The findings of a start of the node, damage included.</summary>
    Recovered = 7,
    Damaged = 8,
    Rebuilt = 9,
}

/// <summary>The first 56 bytes of a record; the table is in FORMAT.md.</summary>
/// <param name="Kind">The kind of the record.</param>
/// <param name="Detail">The detail byte; its meaning depends on the kind.</param>
/// <param name="IsLastOfBatch">No record of the same batch follows.</param>
/// <param name="Batch">Batches count up by one over the whole log; batch n + 1 is written after batch n was synced.</param>
/// <param name="Key">The group.</param>
/// <param name="Sequence">Counts the group's records by one, so that a missing one shows.</param>
/// <param name="Index">Index of the entry; in a state record, of the last entry; otherwise 0.</param>
/// <param name="Term">Term, likewise.</param>
/// <param name="PayloadLength">Bytes between the header and the padding to 8.</param>
/// <param name="PayloadChecksum">CRC-32C of the payload.</param>
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

    /// <summary>Space of the record in the file, bytes.</summary>
    public int TotalBytes => BytesFor(PayloadLength);

    public static int BytesFor(int payloadLength) => (Bytes + payloadLength + Alignment - 1) & -Alignment;

    /// <param name="target">The record's place in the buffer.</param>
    /// <param name="salt">The salt of the segment.</param>
    /// <param name="offset">The record's offset in the file; part of the checksum, so that a misplaced record is invalid.</param>
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

    /// <summary>Returns whether a record's header is at this place; its payload is not checked.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, ulong salt, long offset, out RecordHeader header)
    {
        header = default;
        // The cheap tests come first: a search through garbage calls this at every eighth byte.
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
