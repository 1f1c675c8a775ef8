namespace KvRaft.Storage.Shards;

/// <summary>
/// One writer as the table knows it. Its row holds floor and activity (<c>format:1 = 1, floor:varint, granule:varint</c>); which outcomes
/// it has is read from their rows when it is loaded.
/// </summary>
internal sealed class Session(ClientId client)
{
    private const byte Format = 1;

    public ClientId Client { get; } = client;

    /// <summary>Numbers below are acknowledged or forgotten, and are never applied (again). Only grows.</summary>
    public ulong Floor { get; set; }

    /// <summary>When it last wrote, in granules of the shard's clock; null before its first write.</summary>
    public long? Granule { get; set; }

    /// <summary>Its remembered outcomes by number, with the bytes of each row.</summary>
    public SortedList<ulong, int> Outcomes { get; } = [];

    public byte[] Encode()
    {
        var writer = new ByteWriter(16);
        writer.Byte(Format);
        writer.VarUInt(Floor);
        writer.VarUInt((ulong)Granule.GetValueOrDefault());
        return writer.ToArray();
    }

    /// <exception cref="StorageCorruptionException">The row is damaged or of another format.</exception>
    public static Session Decode(ClientId client, byte[] row)
    {
        var reader = new ByteReader(row);
        var format = reader.Byte();
        var session = new Session(client) { Floor = reader.VarUInt(), Granule = (long)reader.VarUInt() };
        return format == Format && reader.AtEnd ? session : throw new StorageCorruptionException($"The session row of {client} is damaged.");
    }
}
