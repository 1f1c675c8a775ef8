using System.Collections.Immutable;
using System.Text;
using KvRaft.Eventual.Causality;
using KvRaft.Storage;

namespace KvRaft.Eventual.Values;

/// <summary>
/// The bytes of a <see cref="MergeValue"/>, as the value of a sibling holds them. Equal values have equal bytes.
/// <code>
///  version:1 (1)   value
///
///  value     kind:1 body
///  1 counter   shares:varint (actor added:varint taken:varint)*                    by actor
///  2 set       vector (as in SiblingSetCodec)  elements:varint (bytes:len+bytes dots:varint dot*)*     by bytes, by dot
///  3 register  dot writtenAt:u64 bytes:len+bytes                                   all zero before the first write
///  4 map       fields:varint (name:len+UTF-8 value)*                               by name; a value is no map
///
///  actor     incarnation:u64 epoch:varint
///  dot       actor counter:varint
/// </code>
/// </summary>
public static class MergeValueCodec
{
    /// <summary>The maximum length of the name of a field, in bytes: a longer text is data, not a name.</summary>
    public const int FieldNameBytesMax = 256;

    private const byte Version = 1;

    // The real bounds are on bytes; a count is trusted only as far as the bytes could hold it.
    private const int CountMax = int.MaxValue;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static byte[] Encode(MergeValue value)
    {
        ArgumentNullException.ThrowIfNull(value);
        var writer = new ByteWriter();
        writer.Byte(Version);
        Write(writer, value);
        return writer.ToArray();
    }

    /// <exception cref="EventualFormatException">The bytes are not a value of a supported version.</exception>
    public static MergeValue Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        var version = reader.Byte();
        if (version != Version)
        {
            throw new EventualFormatException($"A value of version {version}; this node supports version {Version}.");
        }

        return Read(ref reader, mayBeMap: true) is { } value && reader.AtEnd
            ? value
            : throw new EventualFormatException("The bytes are not a counter, set, register or map.");
    }

    private static void Write(ByteWriter writer, MergeValue value)
    {
        writer.Byte((byte)value.Kind);
        switch (value)
        {
            case PnCounter counter:
                writer.VarUInt((ulong)counter.Shares.Length);
                foreach (var share in counter.Shares)
                {
                    Write(writer, share.Actor);
                    writer.VarUInt(share.Added);
                    writer.VarUInt(share.Taken);
                }

                break;
            case AddWinsSet set:
                Write(writer, set);
                break;
            case LastWriterRegister register:
                Write(writer, register.Mark.Dot);
                writer.UInt64(register.Mark.At.Value);
                writer.Bytes(register.Value.Span);
                break;
            case MergeMap map:
                writer.VarUInt((ulong)map.Fields.Count);
                foreach (var (name, field) in map.Fields)
                {
                    writer.Bytes(StrictUtf8.GetBytes(name));
                    Write(writer, field);
                }

                break;
            default:
                throw new ArgumentException($"{value.GetType().Name} has no bytes.", nameof(value));
        }
    }

    private static void Write(ByteWriter writer, AddWinsSet set)
    {
        SiblingSetCodec.WriteVector(writer, set.Seen);
        writer.VarUInt((ulong)set.Elements.Length);
        foreach (var element in set.Elements)
        {
            writer.Bytes(element.Value.Span);
            writer.VarUInt((ulong)element.Dots.Length);
            foreach (var dot in element.Dots)
            {
                Write(writer, dot);
            }
        }
    }

    private static void Write(ByteWriter writer, Dot dot)
    {
        Write(writer, dot.Actor);
        writer.VarUInt(dot.Counter);
    }

    private static void Write(ByteWriter writer, ActorId actor)
    {
        writer.UInt64(actor.Incarnation);
        writer.VarUInt(actor.Epoch);
    }

    /// <summary>Null if the next bytes are not a value.</summary>
    private static MergeValue? Read(ref ByteReader reader, bool mayBeMap) => (MergeKind)reader.Byte() switch
    {
        MergeKind.Counter => ReadCounter(ref reader),
        MergeKind.Set => ReadSet(ref reader),
        MergeKind.Register => ReadRegister(ref reader),
        MergeKind.Map when mayBeMap => ReadMap(ref reader),
        _ => null,
    };

    private static PnCounter? ReadCounter(ref ByteReader reader)
    {
        var count = reader.VarInt(CountMax);
        var shares = ImmutableArray.CreateBuilder<CounterShare>();
        for (var i = 0; i < count && !reader.Failed; i++)
        {
            shares.Add(new CounterShare(ReadActor(ref reader), reader.VarUInt(), reader.VarUInt()));
        }

        return reader.Failed ? null : PnCounter.TryOf(shares.ToImmutable());
    }

    private static AddWinsSet? ReadSet(ref ByteReader reader)
    {
        if (SiblingSetCodec.ReadVector(ref reader) is not { } seen)
        {
            return null;
        }

        var count = reader.VarInt(CountMax);
        var elements = ImmutableArray.CreateBuilder<SetElement>();
        for (var i = 0; i < count && !reader.Failed; i++)
        {
            var value = reader.Bytes(int.MaxValue);
            var dotCount = reader.VarInt(CountMax);
            var dots = ImmutableArray.CreateBuilder<Dot>();
            for (var j = 0; j < dotCount && !reader.Failed; j++)
            {
                dots.Add(ReadDot(ref reader));
            }

            elements.Add(new SetElement(value, dots.ToImmutable()));
        }

        return reader.Failed ? null : AddWinsSet.TryOf(seen, elements.ToImmutable());
    }

    private static LastWriterRegister? ReadRegister(ref ByteReader reader)
    {
        var mark = new WriteMark(ReadDot(ref reader), new HybridStamp(reader.UInt64()));
        var value = reader.Bytes(int.MaxValue);
        return reader.Failed ? null : LastWriterRegister.TryOf(value, mark);
    }

    private static MergeMap? ReadMap(ref ByteReader reader)
    {
        var count = reader.VarInt(CountMax);
        var fields = new List<KeyValuePair<string, MergeValue>>();
        for (var i = 0; i < count && !reader.Failed; i++)
        {
            if (ReadName(reader.Bytes(FieldNameBytesMax)) is not { } name || Read(ref reader, mayBeMap: false) is not { } field)
            {
                return null;
            }

            fields.Add(new(name, field));
        }

        return reader.Failed ? null : MergeMap.TryOf(fields);
    }

    private static string? ReadName(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            return StrictUtf8.GetString(bytes.Span);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    private static Dot ReadDot(ref ByteReader reader) => new(ReadActor(ref reader), reader.VarUInt());

    private static ActorId ReadActor(ref ByteReader reader) => new(reader.UInt64(), reader.VarUInt());
}
