using System.Buffers.Binary;

namespace KvRaft.Storage;

/// <summary>Writes the formats that <see cref="ByteReader"/> reads, into one growing array.</summary>
internal sealed class ByteWriter(int capacity = 128)
{
    /// <summary>If a buffer grew beyond this, it is released when cleared: after one large batch, an idle shard must not keep the memory for ever.</summary>
    private const int RetainedBytesMax = 1 << 20;

    private byte[] _buffer = new byte[capacity];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, Length);

    /// <summary>The written bytes, to patch a length or count in place.</summary>
    public Span<byte> WrittenForUpdate => _buffer.AsSpan(0, Length);

    public byte[] ToArray() => Written.ToArray();

    public void Clear()
    {
        Length = 0;
        if (_buffer.Length > RetainedBytesMax)
        {
            _buffer = new byte[capacity];
        }
    }

    public void Byte(byte value) => Take(1)[0] = value;

    public void Int64(long value) => BinaryPrimitives.WriteInt64LittleEndian(Take(sizeof(long)), value);

    public void UInt64(ulong value) => Int64((long)value);

    public void UInt128(UInt128 value) => BinaryPrimitives.WriteUInt128BigEndian(Take(16), value);

    public void VarUInt(ulong value)
    {
        while (value >= 0x80)
        {
            Byte((byte)(value | 0x80));
            value >>= 7;
        }

        Byte((byte)value);
    }

    public void VarSigned(long value) => VarUInt((ulong)((value << 1) ^ (value >> 63)));

    public void Bytes(ReadOnlySpan<byte> value)
    {
        VarUInt((ulong)value.Length);
        Raw(value);
    }

    public void Raw(ReadOnlySpan<byte> value) => value.CopyTo(Take(value.Length));

    /// <summary>The next <paramref name="count"/> bytes, for the caller to fill; valid until the next call.</summary>
    public Span<byte> Take(int count)
    {
        if (count > _buffer.Length - Length)
        {
            Array.Resize(ref _buffer, checked(Math.Max(_buffer.Length * 2, Length + count)));
        }

        Length += count;
        return _buffer.AsSpan(Length - count, count);
    }
}
