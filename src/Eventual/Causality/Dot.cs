namespace KvRaft.Eventual.Causality;

/// <summary>The name of one write: write number <paramref name="Counter"/> of an actor to a key, from 1. No two writes of a key have the same dot.</summary>
public readonly record struct Dot(ActorId Actor, ulong Counter) : IComparable<Dot>
{
    public int CompareTo(Dot other) => Actor != other.Actor ? Actor.CompareTo(other.Actor) : Counter.CompareTo(other.Counter);

    public override string ToString() => FormattableString.Invariant($"{Actor}:{Counter}");
}
