namespace KvRaft.Chaos.Checkers;

/// <summary>A change of a sum, and the range of its possible effect (indexes; <see cref="Operation.Never"/> if open).</summary>
internal readonly record struct Delta(long Amount, long Invoked, long Completed);

/// <summary>
/// The values of a sum that a read may return. The changes acknowledged before the start of the read must be included; each change started before the
/// end of the read may be included. The changes are independent, so both bounds are computed without a search.
/// </summary>
internal sealed class DeltaBounds
{
    private readonly long _initial;
    private readonly Sums _begun;
    private readonly Sums _over;

    public DeltaBounds(long initial, IReadOnlyCollection<Delta> deltas)
    {
        _initial = initial;
        _begun = new Sums(deltas, delta => delta.Invoked);
        _over = new Sums(deltas, delta => delta.Completed);
    }

    /// <param name="invoked">Index of the start of the read.</param>
    /// <param name="completed">Index of its end.</param>
    public (long Lower, long Upper) At(long invoked, long completed)
    {
        var (mustAdd, mustTake) = _over.Before(invoked);
        var (mayAdd, mayTake) = _begun.Before(completed);
        return (_initial + mustAdd + mayTake, _initial + mayAdd + mustTake);
    }

    /// <summary>Prefix sums of the positive and of the negative changes, by one of the two times.</summary>
    private sealed class Sums
    {
        private readonly long[] _at;
        private readonly long[] _adds;
        private readonly long[] _takes;

        public Sums(IReadOnlyCollection<Delta> deltas, Func<Delta, long> time)
        {
            var ordered = deltas.OrderBy(time).ToList();
            _at = [.. ordered.Select(time)];
            _adds = new long[ordered.Count + 1];
            _takes = new long[ordered.Count + 1];
            for (var place = 0; place < ordered.Count; place++)
            {
                _adds[place + 1] = checked(_adds[place] + Math.Max(0, ordered[place].Amount));
                _takes[place + 1] = checked(_takes[place] + Math.Min(0, ordered[place].Amount));
            }
        }

        public (long Adds, long Takes) Before(long index)
        {
            var place = Array.BinarySearch(_at, index);
            if (place < 0)
            {
                place = ~place;
            }

            // Indexes are unique within a history except for Never, which no read reaches.
            return (_adds[place], _takes[place]);
        }
    }
}
