namespace KvRaft.Chaos.Checkers;

/// <summary>How exact expiry has to be.</summary>
public sealed record TtlOptions
{
    /// <summary>The header parameter for <see cref="Margin"/>, in milliseconds.</summary>
    public const string MarginParameter = "ttl-margin-ms";

    /// <summary>
    /// How far the nodes' clocks may be from the control process's over one time to live. The default, one second, is what
    /// unsynchronised but sane clocks stay within over minutes; a run that moves clocks must state its own.
    /// </summary>
    public TimeSpan Margin { get; init; } = TimeSpan.FromSeconds(1);

    public static TtlOptions FromHeader(HistoryHeader header)
    {
        ArgumentNullException.ThrowIfNull(header);
        return header.Parameters.TryGetValue(MarginParameter, out var milliseconds)
            ? new TtlOptions { Margin = TimeSpan.FromMilliseconds(milliseconds) }
            : new TtlOptions();
    }
}
