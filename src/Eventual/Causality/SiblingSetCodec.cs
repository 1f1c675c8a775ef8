using System.Collections.Immutable;
using KvRaft.Storage;

namespace KvRaft.Eventual.Causality;

/// <summary>
/// The bytes of a <see cref="SiblingSet"/>, on disk and between nodes. Equal states have equal bytes, so their hash is the state's.
/// <code>
///  version:1 (1)   vector   siblings:varint sibling*
///
///  vector    actors:varint (incarnation:u64 epoch:varint counter:varint)*      by actor
///  sibling   actor:varint (its place in the vector)  counter:varint
///            writtenAt:u64  expireAt:varint (ms; 0 = never)  writeId:16  value:len+bytes      by dot
/// </code>
/// Fixed integers are little-endian, the write id big-endian, variable ones LEB128 in the shortest form.
/// </summary>
public static class SiblingSetCodec
{
    /// <summary>
    /// Actors of one key that are believed from bytes. A key gets one for each replica that writes it and each time one of them forgot it;
    /// a thousand nodes with four lives each are far beyond any real key.
    /// </summary>
    public const int ActorsMax = 4096;

    /// <summary>Siblings of one key that are believed from bytes: a bound for decoders, far above what writers are allowed.</summary>
    public const int SiblingsMax = 65_536;

    private const byte Version = 1;

    public static byte[] Encode(SiblingSet set)
    {
        ArgumentNullException.ThrowIfNull(set);
        var writer = new ByteWriter(64 + set.Siblings.Sum(static sibling => sibling.Value.Length + 48));
        writer.Byte(Version);
        WriteVector(writer, set.Seen);
        writer.VarUInt((ulong)set.Siblings.Length);
        var actor = 0;
        foreach (var sibling in set.Siblings)
        {
            // Both lists are in the order of actors, so one walk finds all places.
            while (set.Seen.Entries[actor].Actor != sibling.Dot.Actor)
            {
                actor++;
            }

            writer.VarUInt((ulong)actor);
            writer.VarUInt(sibling.Dot.Counter);
            writer.UInt64(sibling.WrittenAt.Value);
            writer.VarUInt((ulong)sibling.ExpireAtMs);
            writer.UInt128(sibling.WriteId);
            writer.Bytes(sibling.Value.Span);
        }

        return writer.ToArray();
    }

    /// <summary>The values are slices of <paramref name="bytes"/>.</summary>
    /// <exception cref="EventualFormatException">The bytes are no state of a known version.</exception>
    public static SiblingSet Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        var version = reader.Byte();
        if (version != Version)
        {
            throw new EventualFormatException($"A state of version {version}; this node knows {Version}.");
        }

        var seen = ReadVector(ref reader);
        var siblings = seen is null ? [] : ReadSiblings(ref reader, seen);
        return seen is not null && reader.AtEnd && SiblingSet.TryOf(seen, siblings) is { } set
            ? set
            : throw new EventualFormatException("The bytes are no state of a key.");
    }

    internal static void WriteVector(ByteWriter writer, VersionVector vector)
    {
        writer.VarUInt((ulong)vector.Entries.Length);
        foreach (var entry in vector.Entries)
        {
            writer.UInt64(entry.Actor.Incarnation);
            writer.VarUInt(entry.Actor.Epoch);
            writer.VarUInt(entry.Counter);
        }
    }

    /// <summary>Null if what comes is no vector.</summary>
    internal static VersionVector? ReadVector(ref ByteReader reader)
    {
        var count = reader.VarInt(ActorsMax);
        var entries = ImmutableArray.CreateBuilder<Dot>();
        for (var i = 0; i < count && !reader.Failed; i++)
        {
            entries.Add(new Dot(new ActorId(reader.UInt64(), reader.VarUInt()), reader.VarUInt()));
        }

        return reader.Failed ? null : VersionVector.TryOf(entries.ToImmutable());
    }

    private static ImmutableArray<Sibling> ReadSiblings(ref ByteReader reader, VersionVector seen)
    {
        // Without an actor there is no dot, and so no value.
        var count = reader.VarInt(seen.IsEmpty ? 0 : SiblingsMax);
        var siblings = ImmutableArray.CreateBuilder<Sibling>();
        for (var i = 0; i < count && !reader.Failed; i++)
        {
            var place = reader.VarInt(seen.Entries.Length - 1);
            var (counter, writtenAt, expireAt) = (reader.VarUInt(), reader.UInt64(), reader.VarUInt());
            var (writeId, value) = (reader.UInt128(), reader.Bytes(int.MaxValue));
            if (counter == 0 || expireAt > long.MaxValue)
            {
                reader.Fail();
            }

            if (!reader.Failed)
            {
                siblings.Add(new Sibling
                {
                    Dot = new Dot(seen.Entries[place].Actor, counter),
                    WrittenAt = new HybridStamp(writtenAt),
                    ExpireAtMs = (long)expireAt,
                    WriteId = writeId,
                    Value = value,
                });
            }
        }

        return siblings.ToImmutable();
    }
}
