using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Replicas;
using KvRaft.Topology;

namespace KvRaft.Eventual.Coordinators;

/// <summary>
/// The replicas of other nodes, as a coordinator uses them. Every call ends by the token or by <see cref="PeerException"/>. After the
/// latter a store may have happened all the same, which is harmless because states merge. Thread-safe.
/// </summary>
internal interface IReplicaPeers
{
    /// <summary>Completes if the node answers.</summary>
    Task HearAsync(NodeId node, CancellationToken cancellationToken);

    /// <summary>Fetches the state of a key at the replica of a node; an empty state if the replica has none.</summary>
    /// <param name="room">Where memory for the state is reserved before it is sent; null: no reservation, for repair, which fetches one state at a
    /// time.</param>
    /// <exception cref="NoRoomException">This node has no memory for the state.</exception>
    Task<FetchedState> FetchAsync(NodeId node, EventualKey key, IStateRoom? room, CancellationToken cancellationToken);

    /// <summary>Merges a state into the replica of a node. Completes when it is as durable there as requested.</summary>
    /// <param name="hintFor">The absent node that should have the state; null if <paramref name="node"/> is that node.</param>
    /// <returns>Whether the answer of the node counts, read after the store.</returns>
    Task<ReplicaClaim> StoreAsync(NodeId node, EventualKey key, SiblingSet state, NodeId? hintFor, bool durable, CancellationToken cancellationToken);
}

/// <summary>The state of a key at a replica.</summary>
/// <param name="Claim">Whether the answer counts, read after the state.</param>
internal readonly record struct FetchedState(SiblingSet State, ReplicaClaim Claim);

/// <summary>Another node did not answer, or could not execute the request.</summary>
internal sealed class PeerException(string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>One of the two nodes had no memory or queue space for the call. The node answers, so it must not be suspected.</summary>
    public bool IsOverload { get; init; }
}
