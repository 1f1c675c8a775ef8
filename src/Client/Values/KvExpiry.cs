namespace KvRaft.Client;

/// <summary>The expiry of a value.</summary>
public readonly record struct KvExpiry
{
    private readonly byte _kind;
    private readonly long _ms;

    private KvExpiry(byte kind, long ms)
    {
        _kind = kind;
        _ms = ms;
    }

    /// <summary>The default of the keyspace; usually never.</summary>
    public static KvExpiry Default => default;

    /// <summary>Never, regardless of the default of the keyspace.</summary>
    public static KvExpiry Never => new(3, 0);

    /// <summary>Starts when the write is applied, by the clock of the shard; at least 1 ms.</summary>
    public static KvExpiry After(TimeSpan timeToLive)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(timeToLive, TimeSpan.FromMilliseconds(1));
        return new(1, (long)timeToLive.TotalMilliseconds);
    }

    /// <summary>At a point in time by the clock of the shard. See <see cref="KvResult{TValue}.ServerTime"/>.</summary>
    public static KvExpiry At(DateTimeOffset instant)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(instant, DateTimeOffset.UnixEpoch);
        return new(2, instant.ToUnixTimeMilliseconds());
    }

    internal void WriteTo(V1.WriteOptions options)
    {
        switch (_kind)
        {
            case 1: options.TtlMs = _ms; break;
            case 2: options.ExpireAtMs = _ms; break;
            case 3: options.NoExpiry = true; break;
            default: break;
        }
    }
}
