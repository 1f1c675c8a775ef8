using System.Buffers.Binary;
using KvRaft.Raft.Log;
using KvRaft.Raft.Transport;

namespace KvRaft.Raft.Peers;

/// <summary>
/// Committed log entries on a peer connection: <c>i32 count | count × (i64 index | i64 term | u8 kind | i32 length | payload)</c>,
/// little-endian; indices follow one another. The frame around it has the checksum.
/// </summary>
internal static class EntriesFrame
{
    /// <summary>An answer is closed once it reaches this size; one entry always fits, because a proposal is smaller than a frame.</summary>
    public const int BytesWanted = 1 << 20;

    /// <summary>No log reaches this index; arithmetic with an index below it cannot overflow.</summary>
    private const long IndexMax = 1L << 62;

    private const int HeadBytes = 8 + 8 + 1 + 4;

    public static byte[] Encode(IReadOnlyList<LogEntry> entries)
    {
        var frame = new byte[4 + entries.Sum(static entry => HeadBytes + entry.Payload.Length)];
        BinaryPrimitives.WriteInt32LittleEndian(frame, entries.Count);
        var rest = frame.AsSpan(4);
        foreach (var entry in entries)
        {
            BinaryPrimitives.WriteInt64LittleEndian(rest, entry.Index);
            BinaryPrimitives.WriteInt64LittleEndian(rest[8..], entry.Term);
            rest[16] = (byte)entry.Kind;
            BinaryPrimitives.WriteInt32LittleEndian(rest[17..], entry.Payload.Length);
            entry.Payload.Span.CopyTo(rest[HeadBytes..]);
            rest = rest[(HeadBytes + entry.Payload.Length)..];
        }

        return frame;
    }

    /// <exception cref="PeerDataException">The bytes are not a run of entries.</exception>
    public static IReadOnlyList<LogEntry> Decode(ReadOnlyMemory<byte> frame)
    {
        if (frame.Length < 4)
        {
            throw new PeerDataException("A run of entries ends early.");
        }

        var entries = new List<LogEntry>();
        var count = BinaryPrimitives.ReadInt32LittleEndian(frame.Span);
        var rest = frame[4..];
        for (var i = 0; i < count; i++)
        {
            if (rest.Length < HeadBytes)
            {
                throw new PeerDataException("A run of entries ends early.");
            }

            var head = rest.Span;
            var length = BinaryPrimitives.ReadInt32LittleEndian(head[17..]);
            var entry = new LogEntry(
                BinaryPrimitives.ReadInt64LittleEndian(head), BinaryPrimitives.ReadInt64LittleEndian(head[8..]), (LogEntryKind)head[16], default);
            if (length < 0 || length > rest.Length - HeadBytes || !Enum.IsDefined(entry.Kind) || entry.Index is < 1 or > IndexMax
                || entry.Term is < 0 or > TermGate.TermMax || (i > 0 && (entry.Index != entries[^1].Index + 1 || entry.Term < entries[^1].Term)))
            {
                throw new PeerDataException($"Entry {i} of {count} is invalid.");
            }

            entries.Add(entry with { Payload = rest.Slice(HeadBytes, length) });
            rest = rest[(HeadBytes + length)..];
        }

        return rest.IsEmpty ? entries : throw new PeerDataException($"{rest.Length} extra bytes follow {count} entries.");
    }
}
