using System.Buffers.Binary;
using System.Text;
using KvRaft.Topology;

namespace KvRaft.Raft.Log;

/// <summary>The result of reading a segment's header.</summary>
internal enum SegmentHeaderVerdict
{
    Valid,

    /// <summary>Well formed, but of another version of the format.</summary>
    OtherVersion,

    /// <summary>Checksum, magic or length is wrong.</summary>
    Invalid,
}

/// <summary>The first 512 bytes of a segment file; the table is in FORMAT.md.</summary>
/// <param name="Number">Counts up from 1 over the life of the log; it is also the file's name.</param>
/// <param name="Size">Length of the file, bytes.</param>
/// <param name="Salt">Seeds the checksums of the segment's records, so that no payload can be read as a record.</param>
/// <param name="Identity">The owner of the segment.</param>
internal sealed record SegmentHeader(long Number, long Size, ulong Salt, LogIdentity Identity)
{
    /// <summary>One sector, so that no record shares it.</summary>
    public const int Bytes = 512;

    public const byte Version = 1;

    private const int NodeIdOffset = 57;

    private static ReadOnlySpan<byte> Magic => "KVRAFLOG"u8;

    public void Write(Span<byte> target)
    {
        target = target[..Bytes];
        target.Clear();
        Magic.CopyTo(target);
        target[8] = Version;
        BinaryPrimitives.WriteInt64LittleEndian(target[16..], Number);
        BinaryPrimitives.WriteInt64LittleEndian(target[24..], Size);
        BinaryPrimitives.WriteUInt64LittleEndian(target[32..], Salt);
        Identity.ClusterId.TryWriteBytes(target[40..56]);
        target[56] = (byte)Encoding.ASCII.GetBytes(Identity.Node.Value, target[NodeIdOffset..]);
        BinaryPrimitives.WriteUInt32LittleEndian(target[12..], Checksum(target));
    }

    public static SegmentHeaderVerdict Read(ReadOnlySpan<byte> source, out SegmentHeader? header)
    {
        header = null;
        if (source.Length < Bytes || !source.StartsWith(Magic))
        {
            return SegmentHeaderVerdict.Invalid;
        }

        source = source[..Bytes];
        if (BinaryPrimitives.ReadUInt32LittleEndian(source[12..]) != Checksum(source))
        {
            return SegmentHeaderVerdict.Invalid;
        }

        // The first 16 bytes, checksum included, mean the same in every version.
        if (source[8] != Version)
        {
            return SegmentHeaderVerdict.OtherVersion;
        }

        var node = Encoding.ASCII.GetString(source.Slice(NodeIdOffset, Math.Min((int)source[56], NodeId.LengthMax)));
        if (!NodeId.IsValid(node))
        {
            return SegmentHeaderVerdict.Invalid;
        }

        header = new SegmentHeader(
            BinaryPrimitives.ReadInt64LittleEndian(source[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[24..]),
            BinaryPrimitives.ReadUInt64LittleEndian(source[32..]),
            new LogIdentity(new Guid(source[40..56]), new NodeId(node)));
        return SegmentHeaderVerdict.Valid;
    }

    private static uint Checksum(ReadOnlySpan<byte> header)
    {
        var register = Crc32C.Append(~0u, header[..12]);
        return ~Crc32C.Append(register, header[16..Bytes]);
    }
}
