namespace KvRaft.Eventual.Causality;

/// <summary>
/// Identifies a writer for causality. An actor is not a node and not a disk: it is one unbroken record of the writes to one key.
/// <para>
/// A dot means "the n-th write of this actor to this key", and a version vector means "all writes of this actor up to n". Both hold only
/// if the actor remembers what it wrote. Therefore a replica takes a new incarnation when its disk is new. Within an incarnation it takes a new
/// epoch for a key if it wrote to that key before and may have lost that record: the record was handed over and removed, or its tombstone
/// was removed. (Riak lost writes in both cases and calls the remedy key epochs: basho/riak_kv pull request 1070.)
/// </para>
/// </summary>
/// <param name="Incarnation">A random number that a replica draws when it starts with an empty disk; 64 bits, so that no two in the life of a cluster are
/// equal.</param>
/// <param name="Epoch">Counts within the incarnation; see <see cref="EpochSource"/>.</param>
public readonly record struct ActorId(ulong Incarnation, ulong Epoch) : IComparable<ActorId>
{
    public int CompareTo(ActorId other) =>
        Incarnation != other.Incarnation ? Incarnation.CompareTo(other.Incarnation) : Epoch.CompareTo(other.Epoch);

    public override string ToString() => FormattableString.Invariant($"{Incarnation:x16}.{Epoch:x}");
}
