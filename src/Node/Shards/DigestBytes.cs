using System.Buffers.Binary;
using Google.Protobuf;

namespace KvRaft.Node.Shards;

/// <summary>A digest on the wire: eight bytes, big-endian, as in its written form.</summary>
internal static class DigestBytes
{
    public static ByteString Of(ulong digest)
    {
        var bytes = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, digest);
        return ByteString.CopyFrom(bytes);
    }
}
