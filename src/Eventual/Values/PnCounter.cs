using System.Collections.Immutable;
using KvRaft.Eventual.Causality;

namespace KvRaft.Eventual.Values;

/// <summary>
/// A counter that increases and decreases. It holds, for each actor, the sum of its additions and the sum of its subtractions. Both only increase, so the
/// larger of two
/// reports is the newer. The entry of an actor is always complete where the actor writes, because the write replaces a state that holds
/// its last entry. Therefore a counter cannot be deleted: afterwards the entry would begin again at zero.
/// </summary>
public sealed partial record PnCounter : MergeValue
{
    public static readonly PnCounter Zero = new([]);

    private PnCounter(ImmutableArray<CounterShare> shares) => Shares = shares;

    /// <summary>By actor.</summary>
    public ImmutableArray<CounterShare> Shares { get; }

    public override MergeKind Kind => MergeKind.Counter;

    /// <summary>The exact sum. It can exceed 64 bits only by concurrent additions, because each addition alone is refused then.</summary>
    public Int128 Value
    {
        get
        {
            Int128 sum = 0;
            foreach (var share in Shares)
            {
                sum += (Int128)share.Added - share.Taken;
            }

            return sum;
        }
    }

    /// <returns>Null if the entries are not in order.</returns>
    public static PnCounter? TryOf(ImmutableArray<CounterShare> shares)
    {
        for (var i = 1; i < shares.Length; i++)
        {
            if (shares[i - 1].Actor.CompareTo(shares[i].Actor) >= 0)
            {
                return null;
            }
        }

        return new PnCounter(shares);
    }

    /// <summary>Null if the result or the total of the actor does not fit into 64 bits.</summary>
    public PnCounter? Add(ActorId actor, long delta)
    {
        var sum = Value + delta;
        if (sum > long.MaxValue || sum < long.MinValue)
        {
            return null;
        }

        var place = 0;
        while (place < Shares.Length && Shares[place].Actor.CompareTo(actor) < 0)
        {
            place++;
        }

        var isKnown = place < Shares.Length && Shares[place].Actor == actor;
        var share = isKnown ? Shares[place] : new CounterShare(actor, 0, 0);
        var (added, taken) = ((UInt128)share.Added + (delta > 0 ? (ulong)delta : 0), (UInt128)share.Taken + (delta < 0 ? (ulong)(-(Int128)delta) : 0));
        if (added > ulong.MaxValue || taken > ulong.MaxValue)
        {
            return null;
        }

        share = new CounterShare(actor, (ulong)added, (ulong)taken);
        return new PnCounter(isKnown ? Shares.SetItem(place, share) : Shares.Insert(place, share));
    }

    public override MergeValue? Merge(MergeValue other)
    {
        if (other is not PnCounter counter)
        {
            return null;
        }

        var shares = Shares.Concat(counter.Shares).GroupBy(static share => share.Actor).OrderBy(static group => group.Key);
        var merged = new PnCounter(
            [.. shares.Select(static group => new CounterShare(group.Key, group.Max(static share => share.Added), group.Max(static share => share.Taken)))]);
        PlantMerge(counter, ref merged);
        return merged;
    }

    public bool Equals(PnCounter? other) => other is not null && Shares.AsSpan().SequenceEqual(other.Shares.AsSpan());

    public override int GetHashCode() => Value.GetHashCode();

    /// <summary>Only in builds with planted bugs.</summary>
    partial void PlantMerge(PnCounter other, ref PnCounter merged);
}

/// <summary>The total contribution of one actor to a counter.</summary>
public readonly record struct CounterShare(ActorId Actor, ulong Added, ulong Taken);
