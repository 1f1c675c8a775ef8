using System.Buffers.Binary;
using System.IO.Hashing;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Eventual.Causality;

/// <summary>
/// What a reader has seen, as it is handed out: opaque bytes that come back with the write that is to replace it. They are bound to
/// cluster, keyspace and key, because a vector of another key would claim to have seen writes it never saw, and so drop them.
/// <code>
///  version:1 (1)   binding:u64   vector (as in SiblingSetCodec)   check:u64
///
///  binding   XXH3-64 of: cluster id:16 keyspace:u32 key
///  check     XXH3-64 of all before, seeded with the binding
/// </code>
/// The check finds accidents: a cut, a flipped bit, a context of another key or cluster. It is no signature; whoever may write may also
/// delete, so a forger gains nothing but a way to lose writes of others. Against the worst of it the coordinator also refuses contexts that
/// claim more of its own writes than it ever made.
/// </summary>
/// <param name="ClusterId">The cluster that hands it out.</param>
/// <param name="Keyspace">The keyspace of the key.</param>
/// <param name="Key">The key that was read.</param>
public readonly record struct CausalContext(Guid ClusterId, KeyspaceId Keyspace, ReadOnlyMemory<byte> Key)
{
    /// <summary>The longest context that is taken: <see cref="SiblingSetCodec.ActorsMax"/> entries of 8 + 10 + 10 bytes, and the frame.</summary>
    public const int BytesMax = (SiblingSetCodec.ActorsMax * 28) + 32;

    private const byte Version = 1;
    private const int HeadBytes = 1 + sizeof(ulong);

    /// <summary>The context of somebody who has seen this; empty if that is nothing.</summary>
    public byte[] Encode(VersionVector seen)
    {
        ArgumentNullException.ThrowIfNull(seen);
        if (seen.IsEmpty)
        {
            return [];
        }

        var binding = Binding();
        var writer = new ByteWriter();
        writer.Byte(Version);
        writer.UInt64(binding);
        SiblingSetCodec.WriteVector(writer, seen);
        writer.UInt64(Check(writer.Written, binding));
        return writer.ToArray();
    }

    /// <summary>Reads a context that came back. No bytes mean that nothing was seen.</summary>
    /// <returns>Why it is refused, in words, and no vector; or a vector and no reason.</returns>
    public (VersionVector? Seen, string? Mistake) Decode(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return (VersionVector.Empty, null);
        }

        if (bytes.Length > BytesMax)
        {
            return (null, $"{bytes.Length} bytes; no context has more than {BytesMax}");
        }

        if (bytes.Span[0] != Version)
        {
            return (null, $"version {bytes.Span[0]}; this node knows {Version}");
        }

        if (bytes.Length < HeadBytes + sizeof(ulong))
        {
            return (null, "it is cut off");
        }

        var binding = BinaryPrimitives.ReadUInt64LittleEndian(bytes.Span[1..]);
        var body = bytes[..^sizeof(ulong)];
        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes.Span[^sizeof(ulong)..]) != Check(body.Span, binding))
        {
            return (null, "it is damaged or was not given by this store");
        }

        if (binding != Binding())
        {
            return (null, "it belongs to another key, keyspace or cluster");
        }

        var reader = new ByteReader(body[HeadBytes..]);
        return SiblingSetCodec.ReadVector(ref reader) is { IsEmpty: false } seen && reader.AtEnd
            && seen.Entries.All(static entry => entry.Counter <= long.MaxValue)
            ? (seen, null)
            : (null, "it is not what this store gives");
    }

    private ulong Binding()
    {
        Span<byte> head = stackalloc byte[16 + sizeof(uint)];
        _ = ClusterId.TryWriteBytes(head, bigEndian: true, out _);
        BinaryPrimitives.WriteUInt32LittleEndian(head[16..], Keyspace.Value);
        var hash = new XxHash3();
        hash.Append(head);
        hash.Append(Key.Span);
        return hash.GetCurrentHashAsUInt64();
    }

    private static ulong Check(ReadOnlySpan<byte> body, ulong binding) => XxHash3.HashToUInt64(body, unchecked((long)binding));
}
