using System.Collections.Immutable;
using KvRaft.Topology;

namespace KvRaft.Eventual.Causality;

/// <summary>
/// The writes of a key that were seen: for each actor, all its writes up to a counter. A set of dots without gaps, stored as one dot per actor.
/// Immutable; ordered by actor, so equal vectors have equal entries in equal order.
/// </summary>
public sealed class VersionVector : IEquatable<VersionVector>
{
    public static readonly VersionVector Empty = new([]);

    private VersionVector(ImmutableArray<Dot> entries) => Entries = entries;

    /// <summary>The last dot seen of each actor, by actor.</summary>
    public ImmutableArray<Dot> Entries { get; }

    public bool IsEmpty => Entries.IsEmpty;

    /// <summary>The last counter seen of an actor; 0 if there is none.</summary>
    public ulong this[ActorId actor]
    {
        get
        {
            var index = IndexOf(actor);
            return index < 0 ? 0 : Entries[index].Counter;
        }
    }

    /// <summary>A vector of these entries.</summary>
    /// <returns>Null if they are not in order, or one counts from 0.</returns>
    public static VersionVector? TryOf(ImmutableArray<Dot> entries)
    {
        for (var i = 0; i < entries.Length; i++)
        {
            if (entries[i].Counter == 0 || (i > 0 && entries[i - 1].Actor.CompareTo(entries[i].Actor) >= 0))
            {
                return null;
            }
        }

        return entries.IsEmpty ? Empty : new VersionVector(entries);
    }

    /// <summary>Was the write with this dot seen?</summary>
    public bool Contains(Dot dot) => dot.Counter <= this[dot.Actor];

    /// <summary>Does this vector include everything that <paramref name="other"/> includes?</summary>
    public bool Descends(VersionVector other)
    {
        foreach (var entry in other.Entries)
        {
            if (!Contains(entry))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>This vector, and the dot with all earlier dots of its actor.</summary>
    public VersionVector With(Dot dot)
    {
        Invariant.Holds(dot.Counter > 0, "dots are counted from 1");
        var index = IndexOf(dot.Actor);
        if (index < 0)
        {
            return new VersionVector(Entries.Insert(~index, dot));
        }

        return Entries[index].Counter >= dot.Counter ? this : new VersionVector(Entries.SetItem(index, dot));
    }

    /// <summary>Everything that either vector includes.</summary>
    public VersionVector Merge(VersionVector other)
    {
        if (Descends(other))
        {
            return this;
        }

        if (other.Descends(this))
        {
            return other;
        }

        var merged = ImmutableArray.CreateBuilder<Dot>(Entries.Length + other.Entries.Length);
        var (i, j) = (0, 0);
        while (i < Entries.Length && j < other.Entries.Length)
        {
            var order = Entries[i].Actor.CompareTo(other.Entries[j].Actor);
            merged.Add(order < 0 ? Entries[i] : order > 0 ? other.Entries[j]
                : Entries[i].Counter >= other.Entries[j].Counter ? Entries[i] : other.Entries[j]);
            i += order <= 0 ? 1 : 0;
            j += order >= 0 ? 1 : 0;
        }

        merged.AddRange(Entries.AsSpan()[i..]);
        merged.AddRange(other.Entries.AsSpan()[j..]);
        return new VersionVector(merged.ToImmutable());
    }

    public bool Equals(VersionVector? other) => other is not null && Entries.AsSpan().SequenceEqual(other.Entries.AsSpan());

    public override bool Equals(object? obj) => Equals(obj as VersionVector);

    public override int GetHashCode() => Entries.Length == 0 ? 0 : Entries[^1].GetHashCode() ^ Entries.Length;

    public override string ToString() => "{" + string.Join(", ", Entries) + "}";

    /// <summary>The position of the actor, or the complement of the position where it would be.</summary>
    private int IndexOf(ActorId actor)
    {
        var (low, high) = (0, Entries.Length - 1);
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            var order = Entries[middle].Actor.CompareTo(actor);
            if (order == 0)
            {
                return middle;
            }

            (low, high) = order < 0 ? (middle + 1, high) : (low, middle - 1);
        }

        return ~low;
    }
}
