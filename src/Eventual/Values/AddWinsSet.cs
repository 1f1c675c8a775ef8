using System.Collections.Immutable;
using KvRaft.Eventual.Causality;

namespace KvRaft.Eventual.Values;

/// <summary>
/// A set in which an addition survives a removal that has not seen it. An element is present while one of the dots of its additions
/// remains; a removal drops the dots it has seen. The vector of the set holds the dots that were seen, as in <see cref="SiblingSet"/>.
/// (Bieniusa et al.: An Optimized Conflict-free Replicated Set, 2012.)
/// <para>
/// The dots are those of the writes of the key, never separate numbers: if a set is deleted and begins again, an element must not get
/// the dot of an older element.
/// </para>
/// </summary>
public sealed record AddWinsSet : MergeValue
{
    public static readonly AddWinsSet Empty = new(VersionVector.Empty, []);

    private AddWinsSet(VersionVector seen, ImmutableArray<SetElement> elements) => (Seen, Elements) = (seen, elements);

    public VersionVector Seen { get; }

    /// <summary>By bytes.</summary>
    public ImmutableArray<SetElement> Elements { get; }

    public override MergeKind Kind => MergeKind.Set;

    /// <returns>Null if elements or dots are out of order, an element has none, or a dot was not seen.</returns>
    public static AddWinsSet? TryOf(VersionVector seen, ImmutableArray<SetElement> elements)
    {
        for (var i = 0; i < elements.Length; i++)
        {
            var dots = elements[i].Dots;
            if (dots.IsEmpty || dots.Any(dot => !seen.Contains(dot)) || (i > 0 && Compare(elements[i - 1].Value, elements[i].Value) >= 0))
            {
                return null;
            }

            for (var j = 1; j < dots.Length; j++)
            {
                if (dots[j - 1].CompareTo(dots[j]) >= 0)
                {
                    return null;
                }
            }
        }

        return new AddWinsSet(seen, elements);
    }

    /// <summary>Drops the elements to remove, as far as this replica has seen them, then adds. An element in both lists is in the set afterwards.</summary>
    public AddWinsSet Change(ImmutableArray<ReadOnlyMemory<byte>> add, ImmutableArray<ReadOnlyMemory<byte>> remove, Dot dot)
    {
        var elements = ToSorted();
        foreach (var value in remove)
        {
            elements.Remove(value);
        }

        foreach (var value in add)
        {
            // One dot is enough: the new one, which only a removal that has seen this write can drop.
            elements[value] = [dot];
        }

        return Of(Seen.With(dot), elements);
    }

    public override MergeValue? Merge(MergeValue other)
    {
        if (other is not AddWinsSet set)
        {
            return null;
        }

        var (ours, theirs) = (ToSorted(), set.ToSorted());
        var merged = new SortedDictionary<ReadOnlyMemory<byte>, ImmutableArray<Dot>>(ByBytes);
        foreach (var value in ours.Keys.Union(theirs.Keys, EqualBytes))
        {
            var left = ours.GetValueOrDefault(value, []);
            var right = theirs.GetValueOrDefault(value, []);
            ImmutableArray<Dot> dots =
            [
                .. left.Where(dot => right.Contains(dot) || !set.Seen.Contains(dot))
                    .Union(right.Where(dot => left.Contains(dot) || !Seen.Contains(dot))).Order(),
            ];
            if (!dots.IsEmpty)
            {
                merged.Add(value, dots);
            }
        }

        return Of(Seen.Merge(set.Seen), merged);
    }

    public bool Equals(AddWinsSet? other) =>
        other is not null && Seen.Equals(other.Seen) && Elements.AsSpan().SequenceEqual(other.Elements.AsSpan());

    public override int GetHashCode() => Seen.GetHashCode();

    private static readonly Comparer<ReadOnlyMemory<byte>> ByBytes = Comparer<ReadOnlyMemory<byte>>.Create(Compare);

    private static readonly EqualityComparer<ReadOnlyMemory<byte>> EqualBytes =
        EqualityComparer<ReadOnlyMemory<byte>>.Create(static (a, b) => a.Span.SequenceEqual(b.Span), static value => value.Length);

    private static int Compare(ReadOnlyMemory<byte> left, ReadOnlyMemory<byte> right) => left.Span.SequenceCompareTo(right.Span);

    private static AddWinsSet Of(VersionVector seen, SortedDictionary<ReadOnlyMemory<byte>, ImmutableArray<Dot>> elements) =>
        new(seen, [.. elements.Select(static pair => new SetElement(pair.Key, pair.Value))]);

    private SortedDictionary<ReadOnlyMemory<byte>, ImmutableArray<Dot>> ToSorted()
    {
        var sorted = new SortedDictionary<ReadOnlyMemory<byte>, ImmutableArray<Dot>>(ByBytes);
        foreach (var element in Elements)
        {
            sorted.Add(element.Value, element.Dots);
        }

        return sorted;
    }
}

/// <summary>An element and the remaining dots of its additions, at least one, in order.</summary>
public readonly record struct SetElement(ReadOnlyMemory<byte> Value, ImmutableArray<Dot> Dots)
{
    public bool Equals(SetElement other) => Value.Span.SequenceEqual(other.Value.Span) && Dots.AsSpan().SequenceEqual(other.Dots.AsSpan());

    public override int GetHashCode() => Value.Length;
}
