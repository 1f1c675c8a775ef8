using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;
using KvRaft.Topology;

namespace KvRaft.Node.Operations;

/// <summary>
/// Where a walk over keys goes on. Opaque to clients; belongs to one keyspace, one way of cutting the ring and one way of walking, and
/// says so, so that a token of another walk is refused instead of skipping keys.
/// <code>
///  version:1 = 2   flags:1 (bit 0 reverse, bit 1 ordered over all shards, bit 2 has a key)
///  keyspace:u32   shardCount:u32   shard:u32   key: the rest                                      (big-endian)
/// </code>
/// The key is where the next page begins, or, in reverse, what it ends before; without one the page has all of the shard's range.
/// An ordered walk stands at one key in all shards, and its shard is 0.
/// </summary>
internal readonly record struct ResumeToken(KeyspaceId Keyspace, int ShardCount, ShardId Shard, ReadOnlyMemory<byte>? Key)
{
    private const byte Version = 2;
    private const byte ReverseFlag = 1;
    private const byte OrderedFlag = 2;
    private const byte KeyFlag = 4;
    private const int HeaderBytes = 2 + (3 * sizeof(uint));

    public bool Reverse { get; init; }

    public bool Ordered { get; init; }

    /// <summary>Of the same keyspace, map and way of walking.</summary>
    public bool IsOf(in ResumeToken other) =>
        Keyspace == other.Keyspace && ShardCount == other.ShardCount && Reverse == other.Reverse && Ordered == other.Ordered;

    public ByteString Write()
    {
        var bytes = new byte[HeaderBytes + Key.GetValueOrDefault().Length];
        bytes[0] = Version;
        bytes[1] = (byte)((Reverse ? ReverseFlag : 0) | (Ordered ? OrderedFlag : 0) | (Key is null ? 0 : KeyFlag));
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(2), Keyspace.Value);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(6), ShardCount);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(10), Shard.Value);
        Key.GetValueOrDefault().Span.CopyTo(bytes.AsSpan(HeaderBytes));
        return UnsafeByteOperations.UnsafeWrap(bytes);
    }

    public static bool TryRead(ByteString token, [NotNullWhen(true)] out ResumeToken? read)
    {
        read = null;
        var bytes = token.Span;
        if (bytes.Length < HeaderBytes || bytes[0] != Version || bytes[1] > (ReverseFlag | OrderedFlag | KeyFlag))
        {
            return false;
        }

        var hasKey = (bytes[1] & KeyFlag) != 0;
        var shardCount = BinaryPrimitives.ReadInt32BigEndian(bytes[6..]);
        var shard = BinaryPrimitives.ReadInt32BigEndian(bytes[10..]);
        if (shard < 0 || shard >= shardCount || (!hasKey && bytes.Length > HeaderBytes))
        {
            return false;
        }

        read = new ResumeToken(
            new KeyspaceId(BinaryPrimitives.ReadUInt32BigEndian(bytes[2..])), shardCount, new ShardId(shard),
            hasKey ? token.Memory[HeaderBytes..] : default(ReadOnlyMemory<byte>?))
        {
            Reverse = (bytes[1] & ReverseFlag) != 0,
            Ordered = (bytes[1] & OrderedFlag) != 0,
        };
        return true;
    }
}
