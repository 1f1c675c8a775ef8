using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Values;
using KvRaft.Topology;

namespace KvRaft.Eventual.Replicas;

/// <summary>A change of a key that a replica can execute.</summary>
internal abstract record ReplicaWrite;

/// <summary>A value of a client. With <see cref="ConflictPolicy.LastWriter"/> it replaces everything that this replica holds.</summary>
/// <param name="WriteId">By <see cref="WriteName"/>.</param>
internal sealed record PutValue(ConflictPolicy Policy, VersionVector Context, ReadOnlyMemory<byte> Value, long ExpireAtMs, UInt128 WriteId) : ReplicaWrite
{
    /// <summary>A rule forbids the write now. It is answered as applied if it was applied before, and is not applied otherwise.</summary>
    public bool OnlyAsRepeat { get; init; }
}

/// <summary>A delete of what a client has seen; with <see cref="ConflictPolicy.LastWriter"/> and the typed values, of everything that this replica
/// holds.</summary>
internal sealed record DeleteSeen(ConflictPolicy Policy, VersionVector Context) : ReplicaWrite;

/// <summary>A change of a counter, set, register or map by a client.</summary>
/// <param name="WriteId">By <see cref="WriteName"/>.</param>
internal sealed record ChangeValue(MergeChange Change, UInt128 WriteId) : ReplicaWrite
{
    /// <inheritdoc cref="PutValue.OnlyAsRepeat"/>
    public bool OnlyAsRepeat { get; init; }
}

/// <summary>The state of the key at another replica; <paramref name="HintFor"/> is the absent node that it is stored for, if any.</summary>
internal sealed record TakeState(SiblingSet State, NodeId? HintFor) : ReplicaWrite;

/// <summary>These nodes missed the newest write of the key; this replica, which has it, stores hints for them.</summary>
internal sealed record AddHint(IReadOnlyList<NodeId> Nodes) : ReplicaWrite;

/// <summary>
/// The node has the state of this hash now, so the hint is removed, if the record is still that state. A record that this node held only for other nodes
/// is removed
/// with its last hint.
/// </summary>
/// <param name="KeepsRecord">Evaluated when the write is executed; see <see cref="RemoveStray"/>.</param>
internal sealed record HandedOver(NodeId Node, ulong Hash, Func<bool> KeepsRecord) : ReplicaWrite;

/// <summary>The hint is dropped: too old, too many, or by an operator. The record stays; repair finds it.</summary>
internal sealed record DropHint(NodeId Node) : ReplicaWrite;

/// <summary>Expired values are removed.</summary>
internal sealed record ExpireValues : ReplicaWrite;

/// <summary>Every node confirmed the tombstone of this hash: it is removed, if the record is still that tombstone.</summary>
internal sealed record RemoveTombstone(ulong Hash) : ReplicaWrite;

/// <summary>All primaries have the state of this hash and confirm that they hold the key, and this node is not a primary: the record is removed, if it is
/// still that state.</summary>
/// <param name="IsStray">
/// Evaluated when the write is executed and not before: if this node has become a replica holder meanwhile, it may have confirmed that to another node,
/// which then drops its copy.
/// </param>
internal sealed record RemoveStray(ulong Hash, Func<bool> IsStray) : ReplicaWrite;

/// <summary>The result of a write at a replica.</summary>
internal enum WriteEnd
{
    Applied,

    /// <summary>The context claims more writes of this replica than it ever made: the context is forged, or comes from another history.</summary>
    ContextAhead,

    /// <summary>The key would have more concurrent values, or bytes of values, than clients may leave.</summary>
    TooManySiblings,

    /// <summary>The record would have more actors or values than its format holds (<see cref="Causality.SiblingSetCodec.Fits"/>).</summary>
    TooLarge,

    /// <summary>The change is for another kind of value, or a counter would exceed its range.</summary>
    NotApplicable,

    /// <summary>The identity of the write is the one of a current value that another write made.</summary>
    IdentityReused,

    /// <summary>The write may be answered only as a repeat, and no current value is of it.</summary>
    NoRepeat,
}

/// <summary>The result of a write and the state after it.</summary>
internal readonly record struct WriteResult(WriteEnd End, SiblingSet State)
{
    /// <summary>The size that a refused write would have given the key.</summary>
    public RefusedSize Refused { get; init; }
}

/// <summary>The size of a state that a refused write would have made.</summary>
internal readonly record struct RefusedSize(int Siblings, long Bytes)
{
    public static RefusedSize Of(SiblingSet state) => new(state.Siblings.Length, state.Siblings.Sum(static sibling => (long)sibling.Value.Length));
}
