namespace KvRaft.Chaos.Checkers;

/// <summary>The measurements and their bounds; a measurement with the bound <c>null</c> is reported and not judged.</summary>
public sealed record AvailabilityOptions
{
    /// <summary>The length of a window; with one second an election (500 ms and more) is visible as a dip and not as noise.</summary>
    public TimeSpan Window { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The maximum time without an answer.</summary>
    public TimeSpan? GapMax { get; init; }

    /// <summary>The maximum time from a mark (the start or the heal of a fault) to the first answer.</summary>
    public TimeSpan? RecoveryMax { get; init; }

    /// <summary>The maximum time from a mark to the first answered write.</summary>
    public TimeSpan? WriteRecoveryMax { get; init; }

    /// <summary>The minimum share of answered operations, over the whole run.</summary>
    public double? ShareMin { get; init; }

    /// <summary>From the header parameters <c>gap-max-ms</c>, <c>recovery-max-ms</c>, <c>write-recovery-max-ms</c> and <c>share-min-percent</c>.</summary>
    public static AvailabilityOptions FromHeader(HistoryHeader header)
    {
        ArgumentNullException.ThrowIfNull(header);
        TimeSpan? Milliseconds(string name) => header.Parameters.TryGetValue(name, out var value) ? TimeSpan.FromMilliseconds(value) : null;
        return new AvailabilityOptions
        {
            GapMax = Milliseconds("gap-max-ms"),
            RecoveryMax = Milliseconds("recovery-max-ms"),
            WriteRecoveryMax = Milliseconds("write-recovery-max-ms"),
            ShareMin = header.Parameters.TryGetValue("share-min-percent", out var percent) ? percent / 100.0 : null,
        };
    }
}
