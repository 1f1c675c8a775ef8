using System.Buffers.Binary;

namespace KvRaft.Storage.Shards;

/// <summary>
/// Who numbers its writes: 16 bytes chosen by the writer. Use a UUID of version 7: its first 48 bits tell when the session began
/// (Unix milliseconds), and only so can a shard that forgot idle sessions tell a new writer from a forgotten one
/// (<see cref="SessionTable"/>). An id of another version is accepted, without that protection.
/// </summary>
public readonly record struct ClientId(UInt128 Value) : IComparable<ClientId>
{
    /// <summary>The encoded length, in bytes.</summary>
    public const int Size = 16;

    private const int VersionShift = 76;
    private const int TimeShift = 80;

    /// <summary>When this id was made by its own account, Unix milliseconds; null unless it is a UUID of version 7 (RFC 9562, section 5.7).</summary>
    public long? CreatedAtMs => ((int)(Value >> VersionShift) & 0xF) == 7 ? (long)(Value >> TimeShift) : null;

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
