using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;
using KvRaft.Topology;

namespace KvRaft.Node.Operations;

/// <summary>
/// Where a scan goes on. Opaque to clients; belongs to one keyspace and one way of cutting the ring, and says so, so that a token
/// of another map is refused instead of skipping keys.
/// <code>
///  version:1 = 1   keyspace:u32   shardCount:u32   shard:u32   key: the rest; where the shard's next page begins     (big-endian)
/// </code>
/// </summary>
internal readonly record struct ResumeToken(KeyspaceId Keyspace, int ShardCount, ShardId Shard, ReadOnlyMemory<byte> Key)
{
    private const byte Version = 1;
    private const int HeaderBytes = 1 + (3 * sizeof(uint));

    public ByteString Write()
    {
        var bytes = new byte[HeaderBytes + Key.Length];
        bytes[0] = Version;
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(1), Keyspace.Value);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(5), ShardCount);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(9), Shard.Value);
        Key.Span.CopyTo(bytes.AsSpan(HeaderBytes));
        return UnsafeByteOperations.UnsafeWrap(bytes);
    }

    public static bool TryRead(ByteString token, [NotNullWhen(true)] out ResumeToken? read)
    {
        read = null;
        var bytes = token.Span;
        if (bytes.Length < HeaderBytes || bytes[0] != Version)
        {
            return false;
        }

        var shardCount = BinaryPrimitives.ReadInt32BigEndian(bytes[5..]);
        var shard = BinaryPrimitives.ReadInt32BigEndian(bytes[9..]);
        if (shard < 0 || shard >= shardCount)
        {
            return false;
        }

        read = new ResumeToken(
            new KeyspaceId(BinaryPrimitives.ReadUInt32BigEndian(bytes[1..])), shardCount, new ShardId(shard), token.Memory[HeaderBytes..]);
        return true;
    }
}
