using System.Buffers.Binary;
using System.Security.Cryptography;
using Google.Protobuf;
using KvRaft.Node.Requests;
using KvRaft.Topology;

namespace KvRaft.Node.Ranges;

/// <summary>
/// A position in a walk over keys. Opaque to clients. It belongs to one walk: one call, keyspace, range, shard count, direction and order
/// (<see cref="IsOf"/>). Any other request refuses it, since a position of another range would skip keys, or read and delete keys that the request does not name.
/// A request may change other things between two pages: limits, chunk sizes, consistency, and whether values are included.
/// <code>
///  version:1 = 4   flags:1 (bit 0 reverse, bit 1 ordered over all shards, bit 2 has a key)
///  keyspace:u32   shardCount:u32   shard:u32   walk:16 (WalkId)   checksum:8   key: the rest                       (big-endian)
/// </code>
/// The checksum is the first 8 bytes of the SHA-256 of all other bytes: a token that was damaged on the way or in a store is refused, because its position could skip keys. It is
/// no secret, and need not be: a client that computes a token chooses a position in the range that it requests, and so harms only itself.
/// The key is where the next page begins, or, in reverse, the key before which it ends; without one the page has all of the shard's range.
/// An ordered walk is at one key in all shards, and its shard is 0.
/// </summary>
internal readonly partial record struct ResumeToken(WalkId Walk, KeyspaceId Keyspace, int ShardCount, ShardId Shard, ReadOnlyMemory<byte>? Key)
{
    private const byte Version = 4;
    private const byte ReverseFlag = 1;
    private const byte OrderedFlag = 2;
    private const byte KeyFlag = 4;
    private const int ChecksumStart = 2 + (3 * sizeof(uint)) + WalkId.Bytes;
    private const int HeaderBytes = ChecksumStart + sizeof(ulong);

    public bool Reverse { get; init; }

    public bool Ordered { get; init; }

    /// <summary>The token is of the same walk.</summary>
    public bool IsOf(in ResumeToken other) =>
        Walk == other.Walk && Keyspace == other.Keyspace && ShardCount == other.ShardCount && Reverse == other.Reverse && Ordered == other.Ordered;

    public ByteString Write()
    {
        var bytes = new byte[HeaderBytes + Key.GetValueOrDefault().Length];
        bytes[0] = Version;
        bytes[1] = (byte)((Reverse ? ReverseFlag : 0) | (Ordered ? OrderedFlag : 0) | (Key is null ? 0 : KeyFlag));
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(2), Keyspace.Value);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(6), ShardCount);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(10), Shard.Value);
        BinaryPrimitives.WriteUInt128BigEndian(bytes.AsSpan(14), Walk.Value);
        Key.GetValueOrDefault().Span.CopyTo(bytes.AsSpan(HeaderBytes));
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(ChecksumStart), ChecksumOf(bytes));
        return UnsafeByteOperations.UnsafeWrap(bytes);
    }

    /// <summary>The position at which a request continues, or why its token is refused. In that case nothing was done.</summary>
    /// <param name="token">As the client sent it.</param>
    /// <param name="start">Where the request would begin without a token.</param>
    /// <param name="range">The keys of the request.</param>
    /// <param name="low">The first shard of the request.</param>
    /// <param name="high">The last shard of the request.</param>
    public static (ResumeToken? Place, Failure? Failure) Resume(ByteString token, in ResumeToken start, KeyRange range, ShardId low, ShardId high)
    {
        var (read, mistake) = Read(token);
        if (read is not { } place)
        {
            return (null, Failure.CursorInvalid($"the resume token is refused: {mistake}; begin again without one"));
        }

        var refusal = !place.IsOf(start) || place.Shard.CompareTo(low) < 0 || place.Shard.CompareTo(high) > 0
            ? Failure.CursorInvalid("the resume token belongs to another walk: the call, keyspace, range, shards, direction and order must be those of the request that it was given to")
            : place.Key is { } key && !range.HasBorder(key.Span)
                ? Failure.CursorInvalid("the resume token is refused: its position is outside the range of the request")
                : null;
        PlantAnyRange(ref refusal);
        return refusal is null ? (place, null) : (null, refusal);
    }

    /// <summary>The rest of a range from this position on. Whatever the position is, the result is a part of the range.</summary>
    public KeyRange Rest(KeyRange range)
    {
        if (Key is not { } key)
        {
            return range;
        }

        var rest = Reverse ? range.Below(key) : range.Above(key);
        PlantAnyRange(range, key, ref rest);
        return rest;
    }

    /// <summary>Only a build with planted bugs has a body, of this method and the next; in every other the compiler removes the calls.</summary>
    static partial void PlantAnyRange(ref Failure? refusal);

    partial void PlantAnyRange(KeyRange range, ReadOnlyMemory<byte> key, ref KeyRange rest);

    /// <summary>Reads a token.</summary>
    /// <returns>The token and no mistake, or the mistake in the bytes.</returns>
    public static (ResumeToken? Token, string? Mistake) Read(ByteString token)
    {
        var bytes = token.Span;
        if (bytes.Length == 0 || bytes[0] != Version)
        {
            return (null, bytes.Length == 0 ? "it is empty" : $"it is of version {bytes[0]}, and this node reads version {Version}");
        }

        if (bytes.Length < HeaderBytes || bytes[1] > (ReverseFlag | OrderedFlag | KeyFlag))
        {
            return (null, "it is malformed");
        }

        if (BinaryPrimitives.ReadUInt64BigEndian(bytes[ChecksumStart..]) != ChecksumOf(bytes))
        {
            return (null, "its checksum is wrong: it is not as this cluster gave it");
        }

        var (hasKey, ordered) = ((bytes[1] & KeyFlag) != 0, (bytes[1] & OrderedFlag) != 0);
        var shardCount = BinaryPrimitives.ReadInt32BigEndian(bytes[6..]);
        var shard = BinaryPrimitives.ReadInt32BigEndian(bytes[10..]);
        if (shard < 0 || shard >= shardCount || hasKey == (bytes.Length == HeaderBytes) || (ordered && (shard != 0 || !hasKey)))
        {
            return (null, "it is malformed");
        }

        return (new ResumeToken(
            new WalkId(BinaryPrimitives.ReadUInt128BigEndian(bytes[14..])), new KeyspaceId(BinaryPrimitives.ReadUInt32BigEndian(bytes[2..])),
            shardCount, new ShardId(shard), hasKey ? token.Memory[HeaderBytes..] : default(ReadOnlyMemory<byte>?))
        {
            Reverse = (bytes[1] & ReverseFlag) != 0,
            Ordered = ordered,
        }, null);
    }

    private static ulong ChecksumOf(ReadOnlySpan<byte> token)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(token[..ChecksumStart]);
        hash.AppendData(token[HeaderBytes..]);
        Span<byte> sum = stackalloc byte[SHA256.HashSizeInBytes];
        hash.GetHashAndReset(sum);
        return BinaryPrimitives.ReadUInt64BigEndian(sum);
    }
}
