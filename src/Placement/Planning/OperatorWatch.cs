using System.Collections.Immutable;

namespace KvRaft.Placement.Planning;

/// <summary>
/// Notices operators that run and get nowhere. What is seen of one at a moment is a mark; as long as the mark stays the same, it makes no progress. An
/// immutable value; times are of any clock that only goes forward.
/// </summary>
public sealed class OperatorWatch
{
    public static readonly OperatorWatch Empty = new(ImmutableDictionary<long, Seen>.Empty);

    /// <summary>
    /// Every step of a move shows something new within seconds (a chunk of a copy takes one second at the slowest pace), unless a node is away, which takes
    /// an election to be dealt with. A minute is beyond all of it.
    /// </summary>
    public static readonly TimeSpan StalledAfter = TimeSpan.FromMinutes(1);

    private readonly ImmutableDictionary<long, Seen> _seen;

    private OperatorWatch(ImmutableDictionary<long, Seen> seen) => _seen = seen;

    /// <summary>After another look.</summary>
    /// <param name="marks">By operator that runs.</param>
    /// <param name="now">The time of the look.</param>
    public OperatorWatch Next(IReadOnlyDictionary<long, string> marks, TimeSpan now)
    {
        ArgumentNullException.ThrowIfNull(marks);
        return new(marks.ToImmutableDictionary(
            static pair => pair.Key,
            pair => _seen.GetValueOrDefault(pair.Key) is { } seen && seen.Mark == pair.Value ? seen : new Seen(pair.Value, now)));
    }

    /// <summary>For how long an operator has made no progress; zero if it does not run.</summary>
    public TimeSpan Still(long number, TimeSpan now) => _seen.GetValueOrDefault(number) is { } seen ? now - seen.Since : TimeSpan.Zero;

    /// <summary>Operators that have made none for too long.</summary>
    public IEnumerable<long> Stalled(TimeSpan now) => _seen.Where(pair => now - pair.Value.Since >= StalledAfter).Select(static pair => pair.Key).Order();

    private sealed record Seen(string Mark, TimeSpan Since);
}
