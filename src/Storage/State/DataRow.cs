using System.Buffers.Binary;
using KvRaft.Storage.Commands;

namespace KvRaft.Storage.State;

/// <summary>
/// The value of a data row.
/// <code>
///  format:1   0x01 without expiry, 0x03 with one
///  version:i64   expireAtMs:i64 (only 0x03)   the user's bytes, to the end       little-endian
/// </code>
/// </summary>
internal static class DataRow
{
    private const byte Permanent = 0x01;
    private const byte Expiring = 0x03;
    private const int PermanentHeader = 1 + sizeof(long);
    private const int ExpiringHeader = PermanentHeader + sizeof(long);

    public static byte[] Encode(ReadOnlySpan<byte> value, long version, long expireAtMs)
    {
        var header = expireAtMs == 0 ? PermanentHeader : ExpiringHeader;
        var row = new byte[header + value.Length];
        row[0] = expireAtMs == 0 ? Permanent : Expiring;
        BinaryPrimitives.WriteInt64LittleEndian(row.AsSpan(1), version);
        if (expireAtMs != 0)
        {
            BinaryPrimitives.WriteInt64LittleEndian(row.AsSpan(PermanentHeader), expireAtMs);
        }

        value.CopyTo(row.AsSpan(header));
        return row;
    }

    /// <summary>The value is a slice of <paramref name="row"/>.</summary>
    /// <exception cref="StorageCorruptionException">The row is damaged or of another format.</exception>
    public static StoredValue Decode(byte[] row)
    {
        var header = HeaderOf(row);
        return new(
            row.AsMemory(header),
            BinaryPrimitives.ReadInt64LittleEndian(row.AsSpan(1)),
            header == ExpiringHeader ? BinaryPrimitives.ReadInt64LittleEndian(row.AsSpan(PermanentHeader)) : 0);
    }

    /// <summary>Decodes a row whose memory will change: the value is a copy, or empty if it is not needed.</summary>
    /// <exception cref="StorageCorruptionException">The row is damaged or of another format.</exception>
    public static StoredValue Decode(ReadOnlySpan<byte> row, bool withValue) =>
        Decode((withValue ? row : row[..Math.Min(row.Length, HeaderOf(row))]).ToArray());

    /// <summary>Bytes from which <see cref="DecodeHead"/> can decode everything except the value.</summary>
    public const int HeadBytesMax = ExpiringHeader;

    /// <summary>Version, expiry and the length of the value, from the first bytes of a row and its whole length.</summary>
    /// <exception cref="StorageCorruptionException">The row is damaged or of another format.</exception>
    public static RowHead DecodeHead(ReadOnlySpan<byte> start, int length)
    {
        var header = HeaderOf(start);
        return new(
            BinaryPrimitives.ReadInt64LittleEndian(start[1..]),
            header == ExpiringHeader ? BinaryPrimitives.ReadInt64LittleEndian(start[PermanentHeader..]) : 0,
            length - header);
    }

    private static int HeaderOf(ReadOnlySpan<byte> row)
    {
        var header = row.IsEmpty ? 0 : row[0] switch { Permanent => PermanentHeader, Expiring => ExpiringHeader, _ => 0 };
        return header != 0 && row.Length >= header
            ? header
            : throw new StorageCorruptionException($"A data row of {row.Length} bytes has no known format.");
    }
}
