using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Values;
using KvRaft.Topology;

namespace KvRaft.Eventual.Replicas;

/// <summary>What a replica may be asked to do to a key.</summary>
internal abstract record ReplicaWrite;

/// <summary>A client's value. With <see cref="ConflictPolicy.LastWriter"/> it goes over everything this replica knows.</summary>
internal sealed record PutValue(ConflictPolicy Policy, VersionVector Context, ReadOnlyMemory<byte> Value, long ExpireAtMs, UInt128 WriteId) : ReplicaWrite;

/// <summary>A client's delete of what it has seen; with <see cref="ConflictPolicy.LastWriter"/> and the types, of everything this replica knows.</summary>
internal sealed record DeleteSeen(ConflictPolicy Policy, VersionVector Context) : ReplicaWrite;

/// <summary>A client's change of a counter, set, register or map.</summary>
internal sealed record ChangeValue(MergeChange Change, UInt128 WriteId) : ReplicaWrite;

/// <summary>What another replica knows of the key; <paramref name="HintFor"/> if it is to be kept for somebody who is absent.</summary>
internal sealed record TakeState(SiblingSet State, NodeId? HintFor) : ReplicaWrite;

/// <summary>These nodes missed the newest write of the key; this replica, which has it, owes it to them.</summary>
internal sealed record OweTo(IReadOnlyList<NodeId> Nodes) : ReplicaWrite;

/// <summary>
/// The node has the state of this hash now, so the hint goes, if the record is still that. A record that this node kept for others only goes
/// with its last hint.
/// </summary>
/// <param name="KeepsRecord">Asked when it is done; see <see cref="RemoveStray"/>.</param>
internal sealed record HandedOver(NodeId Node, ulong Hash, Func<bool> KeepsRecord) : ReplicaWrite;

/// <summary>The hint is given up: too old, too many, or by an operator's word. The record stays; repair finds it.</summary>
internal sealed record DropHint(NodeId Node) : ReplicaWrite;

/// <summary>Values whose time is over go.</summary>
internal sealed record ExpireValues : ReplicaWrite;

/// <summary>Every node confirmed the tombstone of this hash: it goes, if it is still that.</summary>
internal sealed record RemoveTombstone(ulong Hash) : ReplicaWrite;

/// <summary>All primaries have the state of this hash and say that they keep it, and this node is none of them: the record goes, if it is still that.</summary>
/// <param name="IsStray">
/// Asked when it is done and not before: a node that has become a keeper meanwhile may have told somebody so, who then drops the record in turn.
/// </param>
internal sealed record RemoveStray(ulong Hash, Func<bool> IsStray) : ReplicaWrite;

/// <summary>How a write of a replica ended.</summary>
internal enum WriteEnd
{
    Applied,

    /// <summary>The context claims more writes of this replica than it ever made: it was made up, or comes from another history.</summary>
    ContextAhead,

    /// <summary>More values, or bytes of values, would stand side by side than clients may leave.</summary>
    TooManySiblings,

    /// <summary>The record would have more actors or values than its format holds (<see cref="Causality.SiblingSetCodec.Fits"/>).</summary>
    TooLarge,

    /// <summary>The change is for another kind of value, or a counter would leave its range.</summary>
    NotApplicable,
}

/// <summary>The end of a write and the state after it.</summary>
internal readonly record struct WriteResult(WriteEnd End, SiblingSet State);
