using System.Collections.Immutable;
using KvRaft.Storage;

namespace KvRaft.Eventual.Causality;

/// <summary>
/// The bytes of a <see cref="SiblingSet"/>, on disk and between nodes. Equal states have equal bytes, so the hash of the bytes is the hash of the state.
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
    /// The maximum number of actors of one key. A key gets one for each replica that writes it, and one more each time a replica lost its record of the key.
    /// A thousand
    /// nodes with four incarnations each are far beyond any real key. Writer and reader both refuse a state with more.
    /// </summary>
    public const int ActorsMax = 4096;

    /// <summary>The maximum number of siblings of one key, far above the limit for clients. Writer and reader both check it.</summary>
    public const int SiblingsMax = 65_536;

    /// <summary>The highest counter of an actor. A replica whose actor reaches it continues as another actor, so that the next counter never
    /// overflows.</summary>
    public const ulong CounterMax = long.MaxValue;

    private const byte Version = 1;

    /// <summary>Whether a state is within the bounds of the format. A write or a merge whose result is outside is refused.</summary>
    public static bool Fits(SiblingSet set)
    {
        ArgumentNullException.ThrowIfNull(set);
        return set.Seen.Entries.Length <= ActorsMax && set.Siblings.Length <= SiblingsMax;
    }

    /// <summary>An upper estimate of the number of bytes that <see cref="Encode"/> returns.</summary>
    public static long BytesOf(SiblingSet set)
    {
        ArgumentNullException.ThrowIfNull(set);
        return 64 + (24L * set.Seen.Entries.Length) + set.Siblings.Sum(static sibling => sibling.Value.Length + 64L);
    }

    /// <exception cref="EventualFormatException">The state is outside the bounds of the format.</exception>
    public static byte[] Encode(SiblingSet set)
    {
        ArgumentNullException.ThrowIfNull(set);
        if (set.Siblings.Length > SiblingsMax)
        {
            throw new EventualFormatException($"A state has {set.Siblings.Length} values, and at most {SiblingsMax} are written.");
        }

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

    /// <summary>Decodes a state. The values are slices of <paramref name="bytes"/>.</summary>
    /// <exception cref="EventualFormatException">The bytes are not a state of a supported version.</exception>
    public static SiblingSet Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        var version = reader.Byte();
        if (version != Version)
        {
            throw new EventualFormatException($"A state of version {version}; this node supports version {Version}.");
        }

        var seen = ReadVector(ref reader);
        var siblings = seen is null ? [] : ReadSiblings(ref reader, seen);
        return seen is not null && reader.AtEnd && SiblingSet.TryOf(seen, siblings) is { } set
            ? set
            : throw new EventualFormatException("The bytes are not a state of a key.");
    }

    /// <exception cref="EventualFormatException">The vector has too many actors.</exception>
    internal static void WriteVector(ByteWriter writer, VersionVector vector)
    {
        if (vector.Entries.Length > ActorsMax)
        {
            throw new EventualFormatException($"A vector has {vector.Entries.Length} actors, and at most {ActorsMax} are written.");
        }

        writer.VarUInt((ulong)vector.Entries.Length);
        foreach (var entry in vector.Entries)
        {
            writer.UInt64(entry.Actor.Incarnation);
            writer.VarUInt(entry.Actor.Epoch);
            writer.VarUInt(entry.Counter);
        }
    }

    /// <summary>Null if the next bytes are not a vector.</summary>
    internal static VersionVector? ReadVector(ref ByteReader reader)
    {
        var count = reader.VarInt(ActorsMax);
        var entries = ImmutableArray.CreateBuilder<Dot>();
        for (var i = 0; i < count && !reader.Failed; i++)
        {
            var entry = new Dot(new ActorId(reader.UInt64(), reader.VarUInt()), reader.VarUInt());
            if (entry.Counter > CounterMax)
            {
                reader.Fail();
            }

            entries.Add(entry);
        }

        return reader.Failed ? null : VersionVector.TryOf(entries.ToImmutable());
    }

    private static ImmutableArray<Sibling> ReadSiblings(ref ByteReader reader, VersionVector seen)
    {
        // Without an actor there is no dot, and therefore no value.
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
