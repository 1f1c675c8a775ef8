using KvRaft.Eventual.Trees;
using KvRaft.Topology;

namespace KvRaft.Eventual.Replicas;

/// <summary>The replica holders of keys, by the current registry and ring. Thread-safe; answers may change between two calls.</summary>
internal interface IReplicaHolders
{
    NodeId Self { get; }

    /// <summary>Every node of the cluster.</summary>
    IReadOnlyList<NodeId> Nodes { get; }

    /// <summary>The existing eventual keyspaces.</summary>
    IReadOnlyList<KeyspaceId> Keyspaces { get; }

    /// <summary>This node is about to leave the cluster: a write that it accepts now could be lost with it.</summary>
    bool IsLeaving { get; }

    /// <summary>The preference list of a token range; null if the keyspace does not exist, or no longer exists.</summary>
    PreferenceList? ListOf(KeyspaceId keyspace, int range);

    /// <summary>The tenure of the keyspace; null if it does not exist, or no longer exists.</summary>
    Tenure? TenureOf(KeyspaceId keyspace);

    /// <summary>Is this node a replica holder of the key? Null if the keyspace does not exist, or no longer exists.</summary>
    bool? Keeps(EventualKey key) => ListOf(key.Keyspace, LeafPlace.TokenRangeOf(key.Token))?.Primaries.Contains(Self);
}
