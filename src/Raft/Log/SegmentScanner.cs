using KvRaft.Storage;

namespace KvRaft.Raft.Log;

internal enum ScanItemKind
{
    /// <summary>A record, header and payload valid.</summary>
    Record,

    /// <summary>The header is valid, so length and owner are available; the payload is not valid.</summary>
    UnreadablePayload,

    /// <summary>No header; the owner of these bytes is unknown.</summary>
    Garbage,
}

/// <summary>One item found in a segment.</summary>
/// <param name="Kind">The kind of the item.</param>
/// <param name="Offset">Where it starts in the file, bytes.</param>
/// <param name="End">Where the next item may start, bytes.</param>
/// <param name="Header">Valid unless <see cref="ScanItemKind.Garbage"/>.</param>
/// <param name="State">The content of a readable state record.</param>
internal readonly record struct ScanItem(ScanItemKind Kind, int Offset, int End, RecordHeader Header, GroupState? State);

/// <summary>
/// Classifies a segment's bytes from front to back, and after garbage searches for the next record at every aligned offset. The
/// checksum of a header depends on the segment's salt and the offset, so bytes inside a payload are never read as a record.
/// </summary>
internal static class SegmentScanner
{
    /// <summary>First byte after the last one that is not zero: from there on the segment was never written (or was truncated).</summary>
    public static int ContentEnd(ReadOnlySpan<byte> segment) => segment.LastIndexOfAnyExcept((byte)0) + 1;

    public static IEnumerable<ScanItem> Scan(ReadOnlyMemory<byte> segment, ulong salt)
    {
        var contentEnd = ContentEnd(segment.Span);
        var offset = SegmentHeader.Bytes;
        while (offset < contentEnd)
        {
            var item = At(segment.Span, salt, offset) ?? Garbage(segment.Span, salt, offset, contentEnd);
            yield return item;
            offset = item.End;
        }
    }

    private static ScanItem? At(ReadOnlySpan<byte> segment, ulong salt, int offset)
    {
        if (!RecordHeader.TryRead(segment[offset..], salt, offset, out var header)
            || header.PayloadLength > segment.Length - offset - RecordHeader.Bytes)
        {
            return null;
        }

        var payload = segment.Slice(offset + RecordHeader.Bytes, header.PayloadLength);
        var end = Math.Min(offset + header.TotalBytes, segment.Length);
        var state = header.Kind == RecordKind.State ? GroupState.Read(new LogPosition(header.Term, header.Index), payload) : null;
        var readable = Crc32C.Of(payload) == header.PayloadChecksum && (header.Kind != RecordKind.State || state is not null);
        return new ScanItem(readable ? ScanItemKind.Record : ScanItemKind.UnreadablePayload, offset, end, header, readable ? state : null);
    }

    private static ScanItem Garbage(ReadOnlySpan<byte> segment, ulong salt, int offset, int contentEnd)
    {
        var end = offset + RecordHeader.Alignment;
        while (end < contentEnd && !RecordHeader.TryRead(segment[end..], salt, end, out _))
        {
            end += RecordHeader.Alignment;
        }

        return new ScanItem(ScanItemKind.Garbage, offset, Math.Min(end, segment.Length), default, null);
    }
}
