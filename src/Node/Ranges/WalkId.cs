using System.Buffers.Binary;
using System.Security.Cryptography;
using KvRaft.Topology;

namespace KvRaft.Node.Ranges;

/// <summary>Which call walks over a range.</summary>
internal enum WalkKind : byte
{
    Scan = 1,
    DeleteRange = 2,
}

/// <summary>
/// Identifies the keys of one walk: the call, the range of keys, and the shard if the request names one. A resume token carries it, so a request for anything else
/// refuses the token. Requests for the same keys have the same id, whether they give a prefix or bounds.
/// <para>
/// It is a hash without a key: a client can compute one. That is safe, because a token holds nothing but a position, and the position is checked
/// against the range of the request that carries it. A forged token reaches no key that the request does not name anyway.
/// </para>
/// <code>
///  the first 16 bytes of SHA-256 over
///  kind:1   shard:u32 (its number + 1; 0 = the request names none)   length:u32 from   length:u32 to      (big-endian)
/// </code>
/// </summary>
internal readonly record struct WalkId(UInt128 Value)
{
    public const int Bytes = 16;

    private const int HeadBytes = 1 + sizeof(uint);

    /// <param name="kind">The call.</param>
    /// <param name="shard">The shard that the request names; null if it names none.</param>
    /// <param name="range">The keys.</param>
    public static WalkId Of(WalkKind kind, ShardId? shard, KeyRange range)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> head = stackalloc byte[HeadBytes];
        head[0] = (byte)kind;
        BinaryPrimitives.WriteUInt32BigEndian(head[1..], shard is { } named ? (uint)named.Value + 1 : 0);
        hash.AppendData(head);
        Append(hash, range.From.Span);
        Append(hash, range.To.Span);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        hash.GetHashAndReset(digest);
        return new WalkId(BinaryPrimitives.ReadUInt128BigEndian(digest));
    }

    private static void Append(IncrementalHash hash, ReadOnlySpan<byte> key)
    {
        Span<byte> length = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(length, (uint)key.Length);
        hash.AppendData(length);
        hash.AppendData(key);
    }
}
