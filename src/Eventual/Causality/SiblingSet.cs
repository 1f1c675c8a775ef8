using System.Collections.Immutable;
using KvRaft.Topology;

namespace KvRaft.Eventual.Causality;

/// <summary>
/// What one replica knows of one key: the values that stand, each with its dot, and everything that was ever seen of the key. A dotted
/// version vector set.
/// <para>
/// <b>Why dots.</b> A plain version vector per key cannot tell two writes apart that went through the same replica from the same
/// context: it either drops one or needs an entry for each client. Here a value carries the name of its own write (the dot), and the
/// vector only says what was seen. So a value is replaced exactly by those who had seen it, and vectors have an entry per replica, however
/// many clients there are. (Preguiça, Baquero, Almeida, Fonte, Gonçalves: Dotted Version Vectors, 2010; Almeida, Baquero, Gonçalves,
/// Preguiça, Fonte: Scalable and Accurate Causality Tracking for Eventually Consistent Stores, DAIS 2014.)
/// </para>
/// <para>
/// <b>A write</b> drops the values its context has seen, and adds its own under a new dot. <b>A delete</b> drops them and adds nothing: the
/// vector stays behind as tombstone, and whatever it has seen cannot return. <b>A merge</b> keeps a value if both sides hold it, or if the
/// side that lacks it has never seen it; a side that has seen it and lacks it knows that it was replaced. The merge is a least upper
/// bound: commutative, associative, idempotent. So replicas that have heard the same, in whatever order and however often, are equal.
/// </para>
/// Immutable. Invariant: every value's dot was seen; values stand in the order of their dots, each once.
/// </summary>
public sealed class SiblingSet : IEquatable<SiblingSet>
{
    /// <summary>A key nobody has written.</summary>
    public static readonly SiblingSet Empty = new(VersionVector.Empty, []);

    private SiblingSet(VersionVector seen, ImmutableArray<Sibling> siblings)
    {
        Seen = seen;
        Siblings = siblings;
    }

    /// <summary>Every write that this state knows of, those of replaced and deleted values too.</summary>
    public VersionVector Seen { get; }

    /// <summary>By dot.</summary>
    public ImmutableArray<Sibling> Siblings { get; }

    public bool IsEmpty => Seen.IsEmpty;

    /// <summary>Something was written here, and nothing of it stands.</summary>
    public bool IsTombstone => Siblings.IsEmpty && !Seen.IsEmpty;

    /// <summary>A state of these parts.</summary>
    /// <returns>Null if a value's dot was not seen, or the values are not in order.</returns>
    public static SiblingSet? TryOf(VersionVector seen, ImmutableArray<Sibling> siblings)
    {
        for (var i = 0; i < siblings.Length; i++)
        {
            if (!seen.Contains(siblings[i].Dot) || (i > 0 && siblings[i - 1].Dot.CompareTo(siblings[i].Dot) >= 0))
            {
                return null;
            }
        }

        return new SiblingSet(seen, siblings);
    }

    /// <summary>The write <paramref name="written"/> by somebody who had seen <paramref name="context"/>. Its dot must be new to this state.</summary>
    public SiblingSet Write(VersionVector context, Sibling written)
    {
        ArgumentNullException.ThrowIfNull(written);
        var rest = Delete(context);
        Invariant.Holds(!rest.Seen.Contains(written.Dot), "a write's name was given before");
        var place = 0;
        while (place < rest.Siblings.Length && rest.Siblings[place].Dot.CompareTo(written.Dot) < 0)
        {
            place++;
        }

#if PLANTED_BUGS
        if (Storage.PlantedBug.Is("last-writer-wins")) { return new SiblingSet(rest.Seen.Merge(Seen).With(written.Dot), [written]); }
#endif
        return new SiblingSet(rest.Seen.With(written.Dot), rest.Siblings.Insert(place, written));
    }

    /// <summary>Drops what <paramref name="context"/> has seen.</summary>
    public SiblingSet Delete(VersionVector context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var kept = Siblings.RemoveAll(sibling => context.Contains(sibling.Dot));
        var seen = Seen.Merge(context);
#if PLANTED_BUGS
        if (Storage.PlantedBug.Is("tombstone-forgotten") && kept.IsEmpty && !Siblings.IsEmpty) { return Empty; }
#endif
        return kept.Length == Siblings.Length && ReferenceEquals(seen, Seen) ? this : new SiblingSet(seen, kept);
    }

    /// <summary>Drops what has expired. As a delete by somebody who saw just these values.</summary>
    public SiblingSet Expire(long nowMs)
    {
        var kept = Siblings.RemoveAll(sibling => sibling.IsExpiredAt(nowMs));
        return kept.Length == Siblings.Length ? this : new SiblingSet(Seen, kept);
    }

    /// <summary>What both know together.</summary>
    public SiblingSet Merge(SiblingSet other)
    {
        ArgumentNullException.ThrowIfNull(other);
        var merged = ImmutableArray.CreateBuilder<Sibling>(Siblings.Length + other.Siblings.Length);
        var (i, j) = (0, 0);
        while (i < Siblings.Length || j < other.Siblings.Length)
        {
            var order = i == Siblings.Length ? 1 : j == other.Siblings.Length ? -1 : Siblings[i].Dot.CompareTo(other.Siblings[j].Dot);
            if (order == 0)
            {
                merged.Add(Siblings[i]);
            }
            else if (order < 0 && !other.Seen.Contains(Siblings[i].Dot))
            {
                merged.Add(Siblings[i]);
            }
            else if (order > 0 && !Seen.Contains(other.Siblings[j].Dot))
            {
                merged.Add(other.Siblings[j]);
            }

            i += order <= 0 ? 1 : 0;
            j += order >= 0 ? 1 : 0;
        }

        return new SiblingSet(Seen.Merge(other.Seen), merged.ToImmutable());
    }

    /// <summary>Does this state already know everything <paramref name="other"/> knows?</summary>
    public bool Descends(SiblingSet other) => Merge(other).Equals(this);

    public bool Equals(SiblingSet? other) =>
        other is not null && Seen.Equals(other.Seen) && Siblings.AsSpan().SequenceEqual(other.Siblings.AsSpan());

    public override bool Equals(object? obj) => Equals(obj as SiblingSet);

    public override int GetHashCode() => Seen.GetHashCode();

    public override string ToString() => $"{string.Join(" | ", Siblings.Select(static sibling => sibling.Dot))} after {Seen}";
}
