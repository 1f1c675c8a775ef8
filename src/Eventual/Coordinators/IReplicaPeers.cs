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
    /// <summary>What a node's replica knows of a key; nothing, if it has never heard of it.</summary>
    Task<SiblingSet> FetchAsync(NodeId node, EventualKey key, CancellationToken cancellationToken);

    /// <summary>Merges a state into a node's replica. Completes when it is as safe there as asked.</summary>
    /// <param name="hintFor">The node that should have it and is absent; null if <paramref name="node"/> is it.</param>
    Task StoreAsync(NodeId node, EventualKey key, SiblingSet state, NodeId? hintFor, bool durable, CancellationToken cancellationToken);
}

/// <summary>Another node did not answer, or could not do it.</summary>
internal sealed class PeerException(string message, Exception? cause = null) : Exception(message, cause);
