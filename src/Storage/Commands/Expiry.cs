namespace KvRaft.Storage.Commands;

/// <summary>The kind of an <see cref="Expiry"/>. The numbers are part of the command format.</summary>
public enum ExpiryKind : byte
{
    Never = 0,

    /// <summary>At an instant of the shard's clock.</summary>
    At = 1,

    /// <summary>A time-to-live after the shard's clock at the moment the command is applied.</summary>
    After = 2,

    /// <summary>
    /// Like <see cref="After"/>, by a property of the keyspace: the request names no expiry. It may differ between two attempts of one request, so it is no
    /// part of the request's identity.
    /// </summary>
    AfterByDefault = 3,
}

/// <summary>
/// When a written value expires. The log carries a time-to-live unchanged, and apply converts it to an instant by the same clock that
/// decides later whether the value has expired (<see cref="InstantAt"/>). An instant from the wall clock of the proposer would be wrong by the difference
/// between that clock and the clock of the shard: values that have expired before they are written, locks that outlive their holder or end too early.
/// </summary>
public readonly record struct Expiry
{
    private Expiry(ExpiryKind kind, long milliseconds)
    {
        Kind = kind;
        Milliseconds = milliseconds;
    }

    public ExpiryKind Kind { get; }

    /// <summary>By kind: 0, the instant in milliseconds since the Unix epoch, or the time-to-live.</summary>
    public long Milliseconds { get; }

    public static Expiry Never => default;

    /// <summary>At an instant, Unix milliseconds, up to <see cref="ShardLimits.InstantMsMax"/>; 0 is <see cref="Never"/>.</summary>
    public static Expiry At(long instantMs)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(instantMs);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(instantMs, ShardLimits.InstantMsMax);
        return instantMs == 0 ? Never : new(ExpiryKind.At, instantMs);
    }

    /// <summary>So many milliseconds after the command is applied, 1 to <see cref="ShardLimits.TtlMsMax"/>.</summary>
    public static Expiry After(long ttlMs)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(ttlMs);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ttlMs, ShardLimits.TtlMsMax);
        return new(ExpiryKind.After, ttlMs);
    }

    /// <summary>As <see cref="After"/>, by default: the keyspace has the time-to-live, and the request names no expiry.</summary>
    public static Expiry AfterByDefault(long ttlMs) => new(ExpiryKind.AfterByDefault, After(ttlMs).Milliseconds);

    /// <summary>Whether the request names it, so that a repeat of the request must name it too.</summary>
    public bool IsNamed => Kind is ExpiryKind.At or ExpiryKind.After;

    /// <summary>Null if the numbers are out of bounds.</summary>
    public static Expiry? TryCreate(ExpiryKind kind, ulong milliseconds) => kind switch
    {
        ExpiryKind.At when milliseconds is > 0 and <= ShardLimits.InstantMsMax => At((long)milliseconds),
        ExpiryKind.After when milliseconds is > 0 and <= ShardLimits.TtlMsMax => After((long)milliseconds),
        ExpiryKind.AfterByDefault when milliseconds is > 0 and <= ShardLimits.TtlMsMax => AfterByDefault((long)milliseconds),
        _ => null,
    };

    /// <summary>
    /// The instant at which a value expires that is written while the clock of the shard is at <paramref name="clockMs"/>; 0 = never. The sum cannot
    /// overflow: it is limited to <see cref="ShardLimits.InstantMsMax"/>.
    /// </summary>
    public long InstantAt(long clockMs) => Kind switch
    {
        ExpiryKind.At => Milliseconds,
        ExpiryKind.After or ExpiryKind.AfterByDefault => Math.Min(Math.Clamp(clockMs, 0, ShardLimits.InstantMsMax) + Milliseconds, ShardLimits.InstantMsMax),
        _ => 0,
    };
}
