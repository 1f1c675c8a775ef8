using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Security.Cryptography;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Eventual.Causality;

/// <summary>
/// The writes that a reader has seen, as opaque bytes. The client returns them with the write that replaces those values. The bytes are authenticated
/// with a key that only the nodes of the cluster hold, over the cluster, the keyspace and the key. A forged vector, or one of another key, would claim writes
/// that were never seen, drop values of other clients, and use the dots of future writes.
/// <code>
///  version:1 (2)   key id:1   vector (as in SiblingSetCodec)   mac:16
///
///  mac   the first 16 bytes of HMAC-SHA256 with that key over
///        "kvraft-context" version:1 key id:1 cluster id:16 keyspace:u32 length:u32 key vector      (little-endian; the id big-endian)
/// </code>
/// The newest key of the cluster signs; every key that the cluster holds verifies.
/// </summary>
/// <param name="Keys">The keys of the cluster, oldest first; at least one to encode.</param>
/// <param name="ClusterId">The cluster that issues the context.</param>
/// <param name="Keyspace">The keyspace of the key.</param>
/// <param name="Key">The key that was read.</param>
public readonly record struct CausalContext(ImmutableArray<ContextKey> Keys, Guid ClusterId, KeyspaceId Keyspace, ReadOnlyMemory<byte> Key)
{
    /// <summary>The longest context that is accepted: <see cref="SiblingSetCodec.ActorsMax"/> entries of 8 + 10 + 10 bytes, and the frame.</summary>
    public const int BytesMax = (SiblingSetCodec.ActorsMax * 28) + 32;

    private const byte Version = 2;
    private const int HeadBytes = 2;

    /// <summary>128 bits: a forgery needs 2^127 attempts, and each attempt is a request.</summary>
    private const int MacBytes = 16;

    private static ReadOnlySpan<byte> Domain => "kvraft-context"u8;

    /// <summary>Encodes the context of a reader that has seen these writes; no bytes if it has seen none.</summary>
    /// <exception cref="EventualFormatException">The vector has more actors than a context may have.</exception>
    public byte[] Encode(VersionVector seen)
    {
        ArgumentNullException.ThrowIfNull(seen);
        if (seen.IsEmpty)
        {
            return [];
        }

        Invariant.Holds(!Keys.IsDefaultOrEmpty, "a context is signed with a key of the cluster");
        var key = Keys[^1];
        var writer = new ByteWriter();
        writer.Byte(Version);
        writer.Byte(key.Id);
        SiblingSetCodec.WriteVector(writer, seen);
        Span<byte> mac = stackalloc byte[HMACSHA256.HashSizeInBytes];
        Sign(key, writer.Written[HeadBytes..], mac);
        writer.Raw(mac[..MacBytes]);
        return writer.ToArray();
    }

    /// <summary>Decodes a context that a client returned. No bytes mean that the client has seen nothing.</summary>
    /// <returns>The reason of a refusal and no vector, or a vector and no reason.</returns>
    public (VersionVector? Seen, string? Mistake) Decode(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return (VersionVector.Empty, null);
        }

        if (bytes.Length > BytesMax)
        {
            return (null, $"it has {bytes.Length} bytes, and a context has at most {BytesMax}");
        }

        var span = bytes.Span;
        if (span[0] != Version)
        {
            return (null, $"it is of version {span[0]}, and this node reads version {Version}; read the key again");
        }

        if (span.Length <= HeadBytes + MacBytes)
        {
            return (null, "it is too short");
        }

        var body = bytes[HeadBytes..^MacBytes];
        if (FindKey(span[1]) is not { } key)
        {
            return (null, "the cluster no longer has the secret that authenticates it; read the key again");
        }

        Span<byte> mac = stackalloc byte[HMACSHA256.HashSizeInBytes];
        Sign(key, body.Span, mac);
        if (!CryptographicOperations.FixedTimeEquals(mac[..MacBytes], span[^MacBytes..]))
        {
            return (null, "this cluster did not issue it for this key, or it is damaged");
        }

        var reader = new ByteReader(body);
        return SiblingSetCodec.ReadVector(ref reader) is { IsEmpty: false } seen && reader.AtEnd ? (seen, null) : (null, "it holds no vector");
    }

    private ContextKey? FindKey(byte id)
    {
        foreach (var key in Keys.IsDefault ? [] : Keys)
        {
            if (key.Id == id)
            {
                return key;
            }
        }

        return null;
    }

    private void Sign(ContextKey key, ReadOnlySpan<byte> vector, Span<byte> mac)
    {
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key.Secret.AsSpan());
        Span<byte> numbers = stackalloc byte[2 + 16 + sizeof(uint) + sizeof(uint)];
        (numbers[0], numbers[1]) = (Version, key.Id);
        _ = ClusterId.TryWriteBytes(numbers[2..], bigEndian: true, out _);
        BinaryPrimitives.WriteUInt32LittleEndian(numbers[18..], Keyspace.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(numbers[22..], (uint)Key.Length);
        hash.AppendData(Domain);
        hash.AppendData(numbers);
        hash.AppendData(Key.Span);
        hash.AppendData(vector);
        _ = hash.GetHashAndReset(mac);
    }
}
