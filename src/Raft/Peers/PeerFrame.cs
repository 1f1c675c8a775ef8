using System.Buffers.Binary;
using KvRaft.Raft.Log;

namespace KvRaft.Raft.Peers;

/// <summary>
/// One message on a peer connection: <c>u32 length of what follows | u8 kind | u32 CRC32C of the body | body</c>, little-endian.
/// </summary>
internal static class PeerFrame
{
    /// <summary>A chunk is 1 MiB, a manifest of a large replica a few hundred KiB; 4 MiB limits the memory that a peer's frame can take.</summary>
    public const int BodyBytesMax = 4 << 20;

    public const int KindOffset = 4;

    private const int HeadLength = KindOffset + 1 + 4;

    public static byte[] Encode(byte kind, ReadOnlySpan<byte> body)
    {
        var frame = new byte[HeadLength + body.Length];
        BinaryPrimitives.WriteInt32LittleEndian(frame, HeadLength - 4 + body.Length);
        frame[KindOffset] = kind;
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(5), Crc32C.Of(body));
        body.CopyTo(frame.AsSpan(HeadLength));
        return frame;
    }

    public static ValueTask WriteAsync(Stream stream, byte kind, ReadOnlyMemory<byte> body, CancellationToken cancellationToken) =>
        stream.WriteAsync(Encode(kind, body.Span), cancellationToken);

    /// <exception cref="EndOfStreamException">The peer closed the connection.</exception>
    /// <exception cref="PeerDataException">The bytes are not a frame, or were damaged in transit.</exception>
    public static async ValueTask<(byte Kind, byte[] Body)> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var head = new byte[HeadLength];
        await stream.ReadExactlyAsync(head, cancellationToken).ConfigureAwait(false);
        var length = BinaryPrimitives.ReadInt32LittleEndian(head) - (HeadLength - 4);
        if (length is < 0 or > BodyBytesMax)
        {
            throw new PeerDataException($"A peer frame has {length} bytes; the limit is {BodyBytesMax}.");
        }

        var body = new byte[length];
        await stream.ReadExactlyAsync(body, cancellationToken).ConfigureAwait(false);
        return Crc32C.Of(body) == BinaryPrimitives.ReadUInt32LittleEndian(head.AsSpan(5))
            ? (head[KindOffset], body)
            : throw new PeerDataException("A peer frame was damaged in transit: its checksum does not match.");
    }
}

/// <summary>
/// Data from another node is invalid: not a frame, not an answer to the request, a number out of its range. The fault is in that node or in the link, like a
/// broken connection, and never in the requesting replica.
/// </summary>
internal sealed class PeerDataException(string message, Exception? inner = null) : IOException(message, inner);
