using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Replicas;
using KvRaft.Topology;

namespace KvRaft.Eventual.Coordinators;

/// <summary>
/// The other nodes' replicas, as a coordinator sees them. Every call ends by the token or by <see cref="PeerException"/>; after the
/// latter a store may have happened all the same, which is harmless: states merge. Thread-safe.
/// </summary>
internal interface IReplicaPeers
{
    /// <summary>Completes if the node is there.</summary>
    Task HearAsync(NodeId node, CancellationToken cancellationToken);

    /// <summary>What a node's replica knows of a key; nothing, if it has never heard of it.</summary>
    /// <param name="room">Where room for the state is taken before it is sent; null: it is taken whatever its size, for repair, which fetches one at a time.</param>
    /// <exception cref="NoRoomException">There is no room for the state here.</exception>
    Task<FetchedState> FetchAsync(NodeId node, EventualKey key, IStateRoom? room, CancellationToken cancellationToken);

    /// <summary>Merges a state into a node's replica. Completes when it is as safe there as asked.</summary>
    /// <param name="hintFor">The node that should have it and is absent; null if <paramref name="node"/> is it.</param>
    /// <returns>What the node's word is worth, after it has stored.</returns>
    Task<ReplicaWord> StoreAsync(NodeId node, EventualKey key, SiblingSet state, NodeId? hintFor, bool durable, CancellationToken cancellationToken);
}

/// <summary>What a replica knows of a key.</summary>
/// <param name="Word">What its word is worth, after it has read.</param>
internal readonly record struct FetchedState(SiblingSet State, ReplicaWord Word);

/// <summary>Another node did not answer, or could not do it.</summary>
internal sealed class PeerException(string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>The call was refused for want of room, there or here: the node is not silent, and must not be suspected for it.</summary>
    public bool IsOverload { get; init; }
}
