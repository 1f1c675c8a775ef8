namespace KvRaft.Chaos.Checkers;

/// <summary>Operations that ended in one window of time.</summary>
/// <param name="StartNanoseconds">Since the start of the run.</param>
/// <param name="Ended">Operations that ended in it, one way or the other.</param>
/// <param name="Answered">Those that got a definite answer: ok, or a refused cas.</param>
public sealed record AvailabilityWindow(long StartNanoseconds, int Ended, int Answered)
{
    /// <summary>The share answered; <c>null</c> where nothing ended.</summary>
    public double? Share => Ended == 0 ? null : (double)Answered / Ended;
}

/// <summary>How long it took from a mark to the first answered operation that began after it; <c>null</c> where none was.</summary>
public sealed record Recovery(FaultMark Mark, TimeSpan? FirstAnswer, TimeSpan? FirstWrite);

/// <summary>What <see cref="AvailabilityChecker"/> measured.</summary>
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
