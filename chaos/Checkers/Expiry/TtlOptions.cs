namespace KvRaft.Chaos.Checkers;

/// <summary>The required precision of expiry. Also used by <see cref="LockChecker"/>.</summary>
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
    /// The allowed early expiry of a value. The default, half a second, covers rounding and the error of correct clocks over minutes. It also applies
    /// if clocks are changed on purpose: a relative time to live does not depend on wall clocks.
    /// </summary>
    public TimeSpan Margin { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>The allowed late expiry of a value; <c>null</c>: equal to <see cref="Margin"/>.</summary>
    public TimeSpan? LateMargin { get; init; }

    /// <summary>The allowed rate error of the clock that decides expiry, in thousandths, for a store that follows a changed clock in steps.</summary>
    public int RatePermille { get; init; }

    /// <summary>
    /// The clock of a shard advances with the entries that its leader commits, so it stands still while the shard has no leader. If a key has no
    /// answer for longer than this, it counts as not served, and its values may stay for <see cref="LateMargin"/> after the next answer. <c>null</c>:
    /// gaps are not an excuse.
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

    /// <summary>The allowed early expiry of a value with this time to live, in nanoseconds.</summary>
    internal long EarlyNanoseconds(long ttlNanoseconds) => (Margin.Ticks * NanosecondsPerTick) + Rate(ttlNanoseconds);

    /// <summary>The allowed late expiry of a value with this time to live, in nanoseconds.</summary>
    internal long LateNanoseconds(long ttlNanoseconds) => ((LateMargin ?? Margin).Ticks * NanosecondsPerTick) + Rate(ttlNanoseconds);

    private long Rate(long ttlNanoseconds) => ttlNanoseconds / 1000 * RatePermille;
}
