using System.Collections.Immutable;
using KvRaft.Eventual.Causality;
using KvRaft.Topology;

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
        // One dot is enough: the new one, which only a removal that has seen this write can drop.
        var (added, removed) = (Sorted(add), Sorted(remove));
        var elements = ImmutableArray.CreateBuilder<SetElement>(Elements.Length + added.Count);
        var (a, r) = (0, 0);
        foreach (var element in Elements)
        {
            var place = -1;
            for (; a < added.Count && (place = Compare(added[a], element.Value)) < 0; a++)
            {
                elements.Add(new SetElement(added[a], [dot]));
            }

            if (a < added.Count && place == 0)
            {
                elements.Add(new SetElement(added[a++], [dot]));
                continue;
            }

            while (r < removed.Count && Compare(removed[r], element.Value) < 0)
            {
                r++;
            }

            if (r == removed.Count || Compare(removed[r], element.Value) != 0)
            {
                elements.Add(element);
            }
        }

        for (; a < added.Count; a++)
        {
            elements.Add(new SetElement(added[a], [dot]));
        }

        return new AddWinsSet(Seen.With(dot), elements.ToImmutable());
    }

    /// <summary>
    /// One walk over both sets, which are in order. Clients choose the elements, so a hash table of them would take time that grows with the square of
    /// their number if all hashes were equal.
    /// </summary>
    public override MergeValue? Merge(MergeValue other)
    {
        if (other is not AddWinsSet set)
        {
            return null;
        }

        var merged = ImmutableArray.CreateBuilder<SetElement>(Math.Max(Elements.Length, set.Elements.Length));
        var (i, j) = (0, 0);
        while (i < Elements.Length || j < set.Elements.Length)
        {
            var order = i == Elements.Length ? 1 : j == set.Elements.Length ? -1 : Compare(Elements[i].Value, set.Elements[j].Value);
            var dots = MergeDots(order <= 0 ? Elements[i].Dots : [], Seen, order >= 0 ? set.Elements[j].Dots : [], set.Seen);
            if (!dots.IsEmpty)
            {
                merged.Add(new SetElement(order <= 0 ? Elements[i].Value : set.Elements[j].Value, dots));
            }

            i += order <= 0 ? 1 : 0;
            j += order >= 0 ? 1 : 0;
        }

        return new AddWinsSet(Seen.Merge(set.Seen), merged.ToImmutable());
    }

    /// <summary>The dots of an element that both sides hold, and those that the other side has not seen.</summary>
    private static ImmutableArray<Dot> MergeDots(ImmutableArray<Dot> ours, VersionVector oursSeen, ImmutableArray<Dot> theirs, VersionVector theirsSeen)
    {
        if (ours.AsSpan().SequenceEqual(theirs.AsSpan()))
        {
            return ours;
        }

        var merged = ImmutableArray.CreateBuilder<Dot>(ours.Length + theirs.Length);
        var (i, j) = (0, 0);
        while (i < ours.Length || j < theirs.Length)
        {
            var order = i == ours.Length ? 1 : j == theirs.Length ? -1 : ours[i].CompareTo(theirs[j]);
            if (order == 0 || (order < 0 && !theirsSeen.Contains(ours[i])))
            {
                merged.Add(ours[i]);
            }
            else if (order > 0 && !oursSeen.Contains(theirs[j]))
            {
                merged.Add(theirs[j]);
            }

            i += order <= 0 ? 1 : 0;
            j += order >= 0 ? 1 : 0;
        }

        return merged.ToImmutable();
    }

    public bool Equals(AddWinsSet? other) =>
        other is not null && Seen.Equals(other.Seen) && Elements.AsSpan().SequenceEqual(other.Elements.AsSpan());

    public override int GetHashCode() => Seen.GetHashCode();

    private static int Compare(ReadOnlyMemory<byte> left, ReadOnlyMemory<byte> right) => left.Span.SequenceCompareTo(right.Span);

    /// <summary>The elements of a request in order, each once.</summary>
    private static List<ReadOnlyMemory<byte>> Sorted(ImmutableArray<ReadOnlyMemory<byte>> values)
    {
        var sorted = new List<ReadOnlyMemory<byte>>(values);
        sorted.Sort(Compare);
        var distinct = 0;
        for (var i = 0; i < sorted.Count; i++)
        {
            if (i == 0 || Compare(sorted[distinct - 1], sorted[i]) != 0)
            {
                sorted[distinct++] = sorted[i];
            }
        }

        sorted.RemoveRange(distinct, sorted.Count - distinct);
        return sorted;
    }
}

/// <summary>An element and the remaining dots of its additions, at least one, in order.</summary>
public readonly record struct SetElement(ReadOnlyMemory<byte> Value, ImmutableArray<Dot> Dots)
{
    public bool Equals(SetElement other) => Value.Span.SequenceEqual(other.Value.Span) && Dots.AsSpan().SequenceEqual(other.Dots.AsSpan());

    public override int GetHashCode() => FloodSafeHash.Of(Value.Span);
}
