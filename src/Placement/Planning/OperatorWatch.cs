using System.Collections.Immutable;

namespace KvRaft.Placement.Planning;

/// <summary>
/// Detects running operators that make no progress. The observed state of an operator at one moment is its mark; an unchanged mark means no progress.
/// An immutable value; times come from any monotonic clock.
/// </summary>
public sealed class OperatorWatch
{
    public static readonly OperatorWatch Empty = new(ImmutableDictionary<long, Seen>.Empty);

    /// <summary>
    /// Each step of a move changes the mark within seconds (at the lowest rate, a chunk of a copy takes one second), unless a node is away; then an
    /// election must happen first. One minute is longer than all of these.
    /// </summary>
    public static readonly TimeSpan StalledAfter = TimeSpan.FromMinutes(1);

    private readonly ImmutableDictionary<long, Seen> _seen;

    private OperatorWatch(ImmutableDictionary<long, Seen> seen) => _seen = seen;

    /// <summary>The value after another observation.</summary>
    /// <param name="marks">The mark of each running operator.</param>
    /// <param name="now">The time of the observation.</param>
    public OperatorWatch Next(IReadOnlyDictionary<long, string> marks, TimeSpan now)
    {
        ArgumentNullException.ThrowIfNull(marks);
        return new(marks.ToImmutableDictionary(
            static pair => pair.Key,
            pair => _seen.GetValueOrDefault(pair.Key) is { } seen && seen.Mark == pair.Value ? seen : new Seen(pair.Value, now)));
    }

    /// <summary>The time since an operator made progress; zero if it does not run.</summary>
    public TimeSpan Still(long number, TimeSpan now) => _seen.GetValueOrDefault(number) is { } seen ? now - seen.Since : TimeSpan.Zero;

    /// <summary>Operators that have made no progress for longer than <see cref="StalledAfter"/>.</summary>
    public IEnumerable<long> Stalled(TimeSpan now) => _seen.Where(pair => now - pair.Value.Since >= StalledAfter).Select(static pair => pair.Key).Order();

    private sealed record Seen(string Mark, TimeSpan Since);
}
