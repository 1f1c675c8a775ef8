using KvRaft.Placement.State;

namespace KvRaft.Placement.Planning;

/// <summary>
/// The rate at which replicas are copied. The rate is halved while client writes are slow, and grows by a sixteenth of the budget in each round in
/// which they are not. Additive increase with multiplicative decrease finds the highest rate that does not slow the clients, and follows it when it
/// changes (Chiu and Jain, Computer Networks and ISDN Systems 17, 1989). Pure; one step for each round of reports.
/// </summary>
public static class CopyPace
{
    /// <summary>
    /// The part of the budget that is always available: a move must make progress, and the move may be the one that relieves the overloaded node.
    /// </summary>
    private const int FloorPart = 16;

    /// <summary>One step up, as a part of the budget: sixteen rounds from zero to the whole budget.</summary>
    private const int StepPart = 16;

    /// <summary>
    /// Writes are fast enough below this part of the limit. Between this part and the limit the rate does not change; otherwise it would oscillate
    /// around the limit.
    /// </summary>
    private const double WellPart = 0.8;

    /// <summary>The initial rate, which is also the maximum, in bytes per second.</summary>
    public static long First(PlacementSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return settings.CopyBytesPerSecond;
    }

    /// <summary>The rate of the next round, in bytes per second.</summary>
    /// <param name="pace">The rate of this round.</param>
    /// <param name="settings">The budget, and the latency limit of writes.</param>
    /// <param name="worst">The 99th percentile of the write latency of the slowest node in this round; null: no node had enough writes for a
    /// percentile.</param>
    public static long Next(long pace, PlacementSettings settings, TimeSpan? worst)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var budget = settings.CopyBytesPerSecond;
        var limit = TimeSpan.FromMilliseconds(settings.ForegroundP99Ms);
        var next = limit == TimeSpan.Zero || worst is null || worst <= limit * WellPart ? pace + (budget / StepPart)
            : worst > limit ? pace / 2
            : pace;
        return Math.Clamp(next, budget / FloorPart, budget);
    }

    /// <summary>The reason why copies are slower than their budget, as text for operators; null: they are not slower.</summary>
    public static string? WhySlow(long pace, PlacementSettings settings, TimeSpan? worst)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return pace >= settings.CopyBytesPerSecond ? null
            : FormattableString.Invariant(
                $"copied at {pace / (double)(1 << 20):0.#} of {settings.CopyMegabytes} MB/s: writes take {worst?.TotalMilliseconds ?? 0:0} ms (p99), {settings.ForegroundP99Ms} are allowed");
    }
}
