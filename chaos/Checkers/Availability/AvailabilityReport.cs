namespace KvRaft.Chaos.Checkers;

/// <summary>The operations that ended in one window of time.</summary>
/// <param name="StartNanoseconds">Since the start of the run.</param>
/// <param name="Ended">All operations that ended in it.</param>
/// <param name="Answered">Those with a definite answer: ok, or a refused cas.</param>
public sealed record AvailabilityWindow(long StartNanoseconds, int Ended, int Answered)
{
    /// <summary>The share of answered operations; <c>null</c> if none ended.</summary>
    public double? Share => Ended == 0 ? null : (double)Answered / Ended;
}

/// <summary>The time from a mark to the first answered operation that started after it; <c>null</c> if there is none.</summary>
public sealed record Recovery(FaultMark Mark, TimeSpan? FirstAnswer, TimeSpan? FirstWrite);

/// <summary>The measurements of <see cref="AvailabilityChecker"/>.</summary>
public sealed record AvailabilityReport
{
    public required IReadOnlyList<AvailabilityWindow> Windows { get; init; }

    public required IReadOnlyList<Recovery> Recoveries { get; init; }

    /// <summary>The longest time without the end of an answered operation, from the start to the end of the run.</summary>
    public required TimeSpan LongestGap { get; init; }

    public required long LongestGapStartNanoseconds { get; init; }

    public required int Ended { get; init; }

    public required int Answered { get; init; }

    public double Share => Ended == 0 ? 0 : (double)Answered / Ended;
}
