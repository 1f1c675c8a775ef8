using System.Collections.Immutable;
using KvRaft.Topology;

namespace KvRaft.Eventual.Causality;

/// <summary>
/// The state of one key at one replica: the current values, each with its dot, and all writes of the key that were ever seen. A dotted
/// version vector set.
/// <para>
/// <b>Why dots.</b> A plain version vector per key cannot separate two writes that went through the same replica from the same
/// context: it either drops one or needs an entry for each client. Here a value carries the name of its own write (the dot), and the
/// vector holds only what was seen. So a write replaces exactly the values that its context has seen, and a vector has one entry per replica,
/// however many clients there are. (Preguiça, Baquero, Almeida, Fonte, Gonçalves: Dotted Version Vectors, 2010; Almeida, Baquero, Gonçalves,
/// Preguiça, Fonte: Scalable and Accurate Causality Tracking for Eventually Consistent Stores, DAIS 2014.)
/// </para>
/// <para>
/// <b>A write</b> drops the values that its context has seen, and adds its own value under a new dot. <b>A delete</b> drops them and adds nothing: the
/// vector remains as a tombstone, and the writes it has seen cannot return. <b>A merge</b> keeps a value if both sides hold it, or if the
/// side that lacks it has never seen it. If a side has seen a value and lacks it, the value was replaced. The merge is a least upper
/// bound: commutative, associative, idempotent. So replicas that have received the same states, in any order and any number of times, are equal.
/// </para>
/// Immutable. Invariant: the dot of every value was seen; values are in the order of their dots, each once.
/// </summary>
public sealed partial class SiblingSet : IEquatable<SiblingSet>
{
    /// <summary>A key that was never written.</summary>
    public static readonly SiblingSet Empty = new(VersionVector.Empty, []);

    private SiblingSet(VersionVector seen, ImmutableArray<Sibling> siblings)
    {
        Seen = seen;
        Siblings = siblings;
    }

    /// <summary>Every write that this state has seen, including those of replaced and deleted values.</summary>
    public VersionVector Seen { get; }

    /// <summary>The current values, by dot.</summary>
    public ImmutableArray<Sibling> Siblings { get; }

    public bool IsEmpty => Seen.IsEmpty;

    /// <summary>The key was written, and no value is current.</summary>
    public bool IsTombstone => Siblings.IsEmpty && !Seen.IsEmpty;

    /// <summary>A state of these parts.</summary>
    /// <returns>Null if the dot of a value was not seen, or the values are not in order.</returns>
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

    /// <summary>Applies the write <paramref name="written"/> of a client that has seen <paramref name="context"/>. Its dot must be new to this state.</summary>
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

        var result = new SiblingSet(rest.Seen.With(written.Dot), rest.Siblings.Insert(place, written));
        PlantWrite(written, ref result);
        return result;
    }

    /// <summary>Drops the values that <paramref name="context"/> has seen.</summary>
    public SiblingSet Delete(VersionVector context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var kept = Siblings.RemoveAll(sibling => context.Contains(sibling.Dot));
        var seen = Seen.Merge(context);
        var result = kept.Length == Siblings.Length && ReferenceEquals(seen, Seen) ? this : new SiblingSet(seen, kept);
        PlantDelete(ref result);
        return result;
    }

    /// <summary>Drops expired values, like a delete by a client that has seen exactly these values.</summary>
    public SiblingSet Expire(long nowMs)
    {
        var kept = Siblings.RemoveAll(sibling => sibling.IsExpiredAt(nowMs));
        return kept.Length == Siblings.Length ? this : new SiblingSet(Seen, kept);
    }

    /// <summary>The least state that includes both.</summary>
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

    /// <summary>Does this state include everything that <paramref name="other"/> includes?</summary>
    public bool Descends(SiblingSet other) => Merge(other).Equals(this);

    public bool Equals(SiblingSet? other) =>
        other is not null && Seen.Equals(other.Seen) && Siblings.AsSpan().SequenceEqual(other.Siblings.AsSpan());

    public override bool Equals(object? obj) => Equals(obj as SiblingSet);

    public override int GetHashCode() => Seen.GetHashCode();

    public override string ToString() => $"{string.Join(" | ", Siblings.Select(static sibling => sibling.Dot))} after {Seen}";

    /// <summary>Only in builds with planted bugs.</summary>
    partial void PlantWrite(Sibling written, ref SiblingSet result);

    /// <inheritdoc cref="PlantWrite"/>
    partial void PlantDelete(ref SiblingSet result);
}
