using System.Buffers.Binary;

namespace KvRaft.Storage.Schema;

/// <summary>
/// The session of a writer: 16 random bytes that the writer chooses. The bytes have no meaning to the store; a UUID of any version is suitable.
/// </summary>
public readonly record struct ClientId(UInt128 Value) : IComparable<ClientId>
{
    /// <summary>The encoded length, in bytes.</summary>
    public const int Size = 16;

    public static ClientId FromGuid(Guid id)
    {
        Span<byte> bytes = stackalloc byte[Size];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        return Read(bytes);
    }

    /// <summary>Reads the 16 bytes that <see cref="WriteTo"/> wrote.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="source"/> is shorter than <see cref="Size"/>.</exception>
    public static ClientId Read(ReadOnlySpan<byte> source) => new(BinaryPrimitives.ReadUInt128BigEndian(source));

    /// <summary>Writes the 16 bytes, most significant first, so that ids sort in the engine as they compare.</summary>
    public void WriteTo(Span<byte> destination) => BinaryPrimitives.WriteUInt128BigEndian(destination, Value);

    public int CompareTo(ClientId other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString("x32", System.Globalization.CultureInfo.InvariantCulture);
}
