using KvRaft.Eventual.Causality;
using KvRaft.Storage;

namespace KvRaft.Eventual.Replicas;

/// <summary>
/// The stored form of a key at a replica: the state that all replicas share, and the actor that this replica writes the key as, which is
/// local.
/// <code>
///  version:1 (1)  has writer:1  (incarnation:u64 epoch:varint)?  state (SiblingSetCodec)
/// </code>
/// </summary>
/// <param name="Writer">Null until this replica itself accepted a write of the key; a record that came from other nodes has none.</param>
/// <param name="State">The state of the key.</param>
internal sealed record StoredRecord(ActorId? Writer, SiblingSet State)
{
    public static readonly StoredRecord None = new(null, SiblingSet.Empty);

    private const byte Version = 1;

    public byte[] Encode()
    {
        var writer = new ByteWriter();
        writer.Byte(Version);
        writer.Byte(Writer is null ? (byte)0 : (byte)1);
        if (Writer is { } actor)
        {
            writer.UInt64(actor.Incarnation);
            writer.VarUInt(actor.Epoch);
        }

        writer.Raw(SiblingSetCodec.Encode(State));
        return writer.ToArray();
    }

    /// <exception cref="EventualFormatException">The bytes are not a record of a supported version.</exception>
    public static StoredRecord Decode(ReadOnlyMemory<byte> bytes)
    {
        var (writer, start) = Head(bytes);
        return new StoredRecord(writer, SiblingSetCodec.Decode(bytes[start..]));
    }

    /// <summary>The part of the bytes of a record that is its state.</summary>
    public static ReadOnlyMemory<byte> StateOf(ReadOnlyMemory<byte> bytes) => bytes[Head(bytes).StateStart..];

    private static (ActorId? Writer, int StateStart) Head(ReadOnlyMemory<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        var (version, hasWriter) = (reader.Byte(), reader.Byte());
        if (version != Version || hasWriter > 1)
        {
            throw new EventualFormatException($"A record of version {version}; this node supports version {Version}.");
        }

        ActorId? writer = hasWriter == 1 ? new ActorId(reader.UInt64(), reader.VarUInt()) : null;
        return reader.Failed ? throw new EventualFormatException("The bytes are not a record.") : (writer, reader.Offset);
    }
}
