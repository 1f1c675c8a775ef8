using KvRaft.Storage.Schema;

namespace KvRaft.Storage.Sessions;

/// <summary>
/// One writer in the session table. The row holds floor, activity and position in the idle queue
/// (<c>format:1 = 2, floor:varint, horizon:varint, lastIndex:varint, queuedAt:varint,
/// granule:varint</c>); the remembered outcomes are read from their own
/// rows when the session is loaded.
/// </summary>
internal sealed class Session(ClientId client)
{
    private const byte Format = 2;

    public ClientId Client { get; } = client;

    /// <summary>Writes with a lower number are acknowledged or discarded, and are never applied (again). Only grows.</summary>
    public ulong Floor { get; set; }

    /// <summary>
    /// The horizon of the shard when this session began. The writer may have had an earlier session here that was discarded. A write that was applied in that
    /// session was applied at or below this index, and must not be applied again.
    /// </summary>
    public long Horizon { get; init; }

    /// <summary>Index of the log entry with its last write; 0 before the first. Only grows.</summary>
    public long LastIndex { get; set; }

    /// <summary>
    /// The position in the idle queue: the log index at which the session was queued last; 0 before its first write. A session is queued again at most
    /// once in a granule, so that the row of a busy session does not move with each write.
    /// </summary>
    public long QueuedAt { get; set; }

    /// <summary>The granule of the shard's clock in which it was queued last.</summary>
    public long Granule { get; set; }

    /// <summary>Its remembered outcomes by number, with the bytes of each row.</summary>
    public SortedList<ulong, int> Outcomes { get; } = [];

    public byte[] Encode()
    {
        var writer = new ByteWriter(24);
        writer.Byte(Format);
        writer.VarUInt(Floor);
        writer.VarUInt((ulong)Horizon);
        writer.VarUInt((ulong)LastIndex);
        writer.VarUInt((ulong)QueuedAt);
        writer.VarUInt((ulong)Granule);
        return writer.ToArray();
    }

    /// <exception cref="StorageCorruptionException">The row is damaged or of another format.</exception>
    public static Session Decode(ClientId client, byte[] row)
    {
        var reader = new ByteReader(row);
        var format = reader.Byte();
        var session = new Session(client)
        {
            Floor = reader.VarUInt(),
            Horizon = (long)reader.VarUInt(),
            LastIndex = (long)reader.VarUInt(),
            QueuedAt = (long)reader.VarUInt(),
            Granule = (long)reader.VarUInt(),
        };
        return format == Format && reader.AtEnd ? session : throw new StorageCorruptionException($"The session row of {client} is damaged.");
    }
}
