using KvRaft.Client.Values;
using KvRaft.V1;

namespace KvRaft.Client;

/// <summary>An automatic scheduler of the placement driver.</summary>
/// <param name="PausedUntil">null: it is not paused, or paused until it is resumed.</param>
/// <param name="Note">What it did last or waits for, as far as the leader of group 0 knows.</param>
public sealed record KvScheduler(string Name, string Description, bool IsPaused, DateTimeOffset? PausedUntil, string Note)
{
    internal static KvScheduler From(SchedulerInfo scheduler) =>
        new(scheduler.Name, scheduler.Does, scheduler.Paused, WireValues.Instant(scheduler.PausedUntilMs), scheduler.Note);
}

/// <summary>The limits of the placement driver, and how fast nodes may copy now.</summary>
/// <param name="CopyMegabytesPerSecond">MB (2^20 bytes) that a node may copy in a second.</param>
/// <param name="ForegroundP99">Copies slow down while the 99th percentile of the writes of any node is above it; null: never.</param>
/// <param name="CopyNote">Why nodes copy less than they may; null: they do not.</param>
public sealed record KvSchedulerConfig(
    int CopyMegabytesPerSecond,
    TimeSpan? ForegroundP99,
    int MovesAtOnce,
    int MovesAtOncePerNode,
    long CopyBytesPerSecondNow,
    string? CopyNote)
{
    internal static KvSchedulerConfig From(SchedulerConfig config) => new(
        config.CopyMegabytesPerSecond, config.ForegroundP99Ms == 0 ? null : WireValues.Span(config.ForegroundP99Ms),
        config.MovesAtOnce, config.MovesAtOncePerNode, config.CopyBytesPerSecondNow, WireValues.TextOrNull(config.CopyNote));
}

/// <summary>A change of the limits of the placement driver; what is null stays as it is.</summary>
public sealed record KvSchedulerConfigChange
{
    /// <inheritdoc cref="KvSchedulerConfig"/>
    public int? CopyMegabytesPerSecond { get; init; }

    /// <summary>Zero: copies never slow down.</summary>
    public TimeSpan? ForegroundP99 { get; init; }

    public int? MovesAtOnce { get; init; }

    public int? MovesAtOncePerNode { get; init; }

    internal SetSchedulerConfigRequest ToMessage()
    {
        var request = new SetSchedulerConfigRequest();
        if (CopyMegabytesPerSecond is { } copies)
        {
            request.CopyMegabytesPerSecond = copies;
        }

        if (ForegroundP99 is { } p99)
        {
            request.ForegroundP99Ms = checked((int)p99.TotalMilliseconds);
        }

        if (MovesAtOnce is { } moves)
        {
            request.MovesAtOnce = moves;
        }

        if (MovesAtOncePerNode is { } perNode)
        {
            request.MovesAtOncePerNode = perNode;
        }

        return request;
    }
}
