using System.Buffers.Binary;

namespace KvRaft.Storage;

/// <summary>
/// Reads the formats of this component: little-endian fixed integers, LEB128 variable ones, length-prefixed bytes. It never reads past the
/// end and never trusts a length: it sets <see cref="Failed"/> and returns zeros from then on, so a decoder checks once at the end
/// of each item instead of after each field. Byte strings are slices of the source, not copies.
/// </summary>
internal ref struct ByteReader(ReadOnlyMemory<byte> source)
{
    private readonly ReadOnlyMemory<byte> _source = source;
    private int _offset;

    public bool Failed { get; private set; }

    public readonly int Offset => _offset;

    public readonly bool AtEnd => !Failed && _offset == _source.Length;

    public byte Byte() => Take(1) is { Length: 1 } bytes ? bytes[0] : (byte)0;

    public long Int64() => Take(sizeof(long)) is { Length: sizeof(long) } bytes ? BinaryPrimitives.ReadInt64LittleEndian(bytes) : 0;

    public ulong UInt64() => (ulong)Int64();

    public UInt128 UInt128() =>
        Take(16) is { Length: 16 } bytes ? BinaryPrimitives.ReadUInt128BigEndian(bytes) : default;

    /// <summary>An unsigned LEB128 integer. Only the shortest form is accepted, so that one command has one encoding.</summary>
    public ulong VarUInt()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = Byte();
            if (Failed || (shift == 63 && next > 1) || (shift > 0 && next == 0))
            {
                return Fail();
            }

            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        return Fail();
    }

    /// <summary>A variable integer that may not exceed <paramref name="max"/>.</summary>
    public int VarInt(int max)
    {
        var value = VarUInt();
        return value <= (ulong)max ? (int)value : (int)Fail();
    }

    /// <summary>A signed integer in zigzag form.</summary>
    public long VarSigned()
    {
        var value = VarUInt();
        return (long)(value >> 1) ^ -(long)(value & 1);
    }

    public ReadOnlyMemory<byte> Bytes(int max) => Raw(VarInt(max));

    /// <summary>Bytes whose number reader and writer have agreed on; empty if the reader fails.</summary>
    public ReadOnlyMemory<byte> Raw(int length)
    {
        if (Failed || length > _source.Length - _offset)
        {
            Fail();
            return default;
        }

        var slice = _source.Slice(_offset, length);
        _offset += length;
        return slice;
    }

    public ulong Fail()
    {
        Failed = true;
        return 0;
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (Failed || count > _source.Length - _offset)
        {
            Fail();
            return default;
        }

        var span = _source.Span.Slice(_offset, count);
        _offset += count;
        return span;
    }
}
