namespace KvRaft.Storage.State;

/// <summary>
/// The one row that holds the position of a replica. Every batch rewrites it, so it always describes exactly the rows beside it.
/// <code>format:1 = 2, then zigzag varints in the order of the members</code>
/// </summary>
internal record struct ShardState
{
    private const byte Format = 2;

    /// <summary>The last entry whose effects are in the rows.</summary>
    public LogPosition Applied;

    /// <summary>Highest proposal time seen, Unix milliseconds. Only grows.</summary>
    public long Clock;

    /// <summary>The last assigned version. Only grows.</summary>
    public long Revision;

    /// <summary>Data rows, and the bytes of their keys and values.</summary>
    public long Keys;

    public long DataBytes;

    /// <summary>Session rows, outcome rows, and the bytes of both.</summary>
    public long Sessions;

    public long Outcomes;

    public long SessionBytes;

    /// <summary>
    /// The highest log index at which a session that was discarded since had a write applied; 0 if none was discarded. Only grows.
    /// </summary>
    public long SessionHorizon;

    public readonly byte[] Encode()
    {
        var writer = new ByteWriter(64);
        writer.Byte(Format);
        writer.VarSigned(Applied.Term);
        writer.VarSigned(Applied.Index);
        writer.VarSigned(Clock);
        writer.VarSigned(Revision);
        writer.VarSigned(Keys);
        writer.VarSigned(DataBytes);
        writer.VarSigned(Sessions);
        writer.VarSigned(Outcomes);
        writer.VarSigned(SessionBytes);
        writer.VarSigned(SessionHorizon);
        return writer.ToArray();
    }

    /// <summary>The state in a row; the zero state if the engine has none yet.</summary>
    /// <exception cref="StorageCorruptionException">The row is damaged or of another format.</exception>
    public static ShardState Decode(byte[]? row)
    {
        if (row is null)
        {
            return default;
        }

        var reader = new ByteReader(row);
        if (reader.Byte() != Format)
        {
            throw new StorageCorruptionException($"The shard state has format {row.FirstOrDefault()}; this version reads {Format}.");
        }

        var state = new ShardState
        {
            Applied = new(reader.VarSigned(), reader.VarSigned()),
            Clock = reader.VarSigned(),
            Revision = reader.VarSigned(),
            Keys = reader.VarSigned(),
            DataBytes = reader.VarSigned(),
            Sessions = reader.VarSigned(),
            Outcomes = reader.VarSigned(),
            SessionBytes = reader.VarSigned(),
            SessionHorizon = reader.VarSigned(),
        };
        return reader.AtEnd ? state : throw new StorageCorruptionException("The shard state row is damaged.");
    }
}
