namespace KvRaft.Eventual.Causality;

/// <summary>
/// Who writes, as causality sees it: not a node, and not even a node's disk, but one unbroken memory of one key.
/// <para>
/// A dot says "the n-th write of this actor to this key", and a version vector says "everything of this actor up to n". Both are only
/// true if the actor remembers what it wrote. So a replica gets a new incarnation when its disk is new, and within it a new
/// epoch for a key whenever it wrote to that key before and may have forgotten so: the record was handed over and removed, or a
/// tombstone was (Riak met both as lost writes and calls the remedy key epochs: basho/riak_kv pull request 1070).
/// </para>
/// </summary>
/// <param name="Incarnation">Drawn at random by a replica that begins with an empty disk; 64 bits, so that no two of a cluster's life meet.</param>
/// <param name="Epoch">Counts within the incarnation; see <see cref="EpochSource"/>.</param>
public readonly record struct ActorId(ulong Incarnation, ulong Epoch) : IComparable<ActorId>
{
    public int CompareTo(ActorId other) =>
        Incarnation != other.Incarnation ? Incarnation.CompareTo(other.Incarnation) : Epoch.CompareTo(other.Epoch);

    public override string ToString() => FormattableString.Invariant($"{Incarnation:x16}.{Epoch:x}");
}
