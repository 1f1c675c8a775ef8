using KvRaft.Placement.State;

namespace KvRaft.Placement.Planning;

/// <summary>
/// How fast replicas are copied, so that clients hardly notice: down by half while their writes suffer, up by a sixteenth of the budget while they do not.
/// Additive increase and multiplicative decrease finds the pace that just does not hurt, and keeps finding it (Chiu and Jain, Computer Networks and ISDN
/// Systems 17, 1989). Pure; one step for each round of reports.
/// </summary>
public static class CopyPace
{
    /// <summary>The part of the budget that is always used: a move must end, and may be what relieves whoever suffers.</summary>
    private const int FloorPart = 16;

    /// <summary>One step up, as a part of the budget: sixteen rounds from nothing to all of it.</summary>
    private const int StepPart = 16;

    /// <summary>Below this part of what is allowed the writes are well, and between the two nothing is changed: otherwise the pace would swing about the limit.</summary>
    private const double WellPart = 0.8;

    /// <summary>Where a pace begins, and what it never exceeds, in bytes a second.</summary>
    public static long First(PlacementSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return settings.CopyBytesPerSecond;
    }

    /// <summary>The pace of the next round, bytes per second.</summary>
    /// <param name="pace">Of this round.</param>
    /// <param name="settings">Budget, and what writes may take.</param>
    /// <param name="worst">The 99th percentile of the writes of the worst-off node in this round; null: nobody wrote enough to say.</param>
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

    /// <summary>Why copies are slower than their budget, in words; null: they are not.</summary>
    public static string? WhySlow(long pace, PlacementSettings settings, TimeSpan? worst)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return pace >= settings.CopyBytesPerSecond ? null
            : FormattableString.Invariant(
                $"copied at {pace / (double)(1 << 20):0.#} of {settings.CopyMegabytes} MB/s: writes take {worst?.TotalMilliseconds ?? 0:0} ms (p99), {settings.ForegroundP99Ms} are allowed");
    }
}
