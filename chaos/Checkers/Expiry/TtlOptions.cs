namespace KvRaft.Chaos.Checkers;

/// <summary>How exact expiry has to be. Also read by <see cref="LockChecker"/>.</summary>
public sealed record TtlOptions
{
    /// <summary>The header parameter for <see cref="Margin"/>, in milliseconds.</summary>
    public const string MarginParameter = "ttl-margin-ms";

    /// <summary>The header parameter for <see cref="LateMargin"/>, in milliseconds.</summary>
    public const string LateMarginParameter = "ttl-late-margin-ms";

    /// <summary>The header parameter for <see cref="RatePermille"/>.</summary>
    public const string RateParameter = "ttl-rate-permille";

    /// <summary>The header parameter for <see cref="SilenceMax"/>, in milliseconds.</summary>
    public const string SilenceParameter = "ttl-silence-ms";

    private const long NanosecondsPerTick = 100;

    /// <summary>
    /// How much sooner than asked for a value may go. The default, half a second, covers rounding and the error of sane clocks over minutes. It is the same
    /// where clocks are moved on purpose: a relative time to live does not depend on what a wall clock says.
    /// </summary>
    public TimeSpan Margin { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How much later than asked for a value may go; <c>null</c>: as much as <see cref="Margin"/>.</summary>
    public TimeSpan? LateMargin { get; init; }

    /// <summary>By how many thousandths the clock that judges expiry may run wrong, for a store that follows a moved clock in steps.</summary>
    public int RatePermille { get; init; }

    /// <summary>
    /// The clock of a shard advances by what its leader commits, so it stands still while the shard has no leader. A key without an answer for longer than this counts as
    /// not served, and a value of it may stay for <see cref="LateMargin"/> from the first answer after that. <c>null</c>: a shard that is not served excuses nothing.
    /// </summary>
    public TimeSpan? SilenceMax { get; init; }

    public static TtlOptions FromHeader(HistoryHeader header)
    {
        ArgumentNullException.ThrowIfNull(header);
        TimeSpan? Milliseconds(string name) => header.Parameters.TryGetValue(name, out var value) ? TimeSpan.FromMilliseconds(value) : null;
        var usual = new TtlOptions();
        return new TtlOptions
        {
            Margin = Milliseconds(MarginParameter) ?? usual.Margin,
            LateMargin = Milliseconds(LateMarginParameter),
            SilenceMax = Milliseconds(SilenceParameter),
            RatePermille = header.Parameters.TryGetValue(RateParameter, out var rate) ? checked((int)rate) : 0,
        };
    }

    /// <summary>How much sooner a value with this time to live may go, in nanoseconds.</summary>
    internal long EarlyNanoseconds(long ttlNanoseconds) => (Margin.Ticks * NanosecondsPerTick) + Rate(ttlNanoseconds);

    /// <summary>How much later a value with this time to live may go, in nanoseconds.</summary>
    internal long LateNanoseconds(long ttlNanoseconds) => ((LateMargin ?? Margin).Ticks * NanosecondsPerTick) + Rate(ttlNanoseconds);

    private long Rate(long ttlNanoseconds) => ttlNanoseconds / 1000 * RatePermille;
}
