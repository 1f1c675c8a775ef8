using KvRaft.Eventual.Trees;
using KvRaft.Topology;

namespace KvRaft.Eventual.Replicas;

/// <summary>Who keeps what, by the registry and the ring in force. Thread-safe; answers may change between two calls.</summary>
internal interface IKeyOwners
{
    NodeId Self { get; }

    /// <summary>Every node of the cluster.</summary>
    IReadOnlyList<NodeId> Nodes { get; }

    /// <summary>The eventual keyspaces there are.</summary>
    IReadOnlyList<KeyspaceId> Keyspaces { get; }

    /// <summary>This node is to leave the cluster: what it takes now might be with nobody soon.</summary>
    bool IsLeaving { get; }

    /// <summary>The preference list of an arc; null if the keyspace is not there (any more).</summary>
    PreferenceList? ListOf(KeyspaceId keyspace, int arc);

    /// <summary>Under what the keyspace is kept; null if it is not there (any more).</summary>
    Tenure? TenureOf(KeyspaceId keyspace);

    /// <summary>Is this node one of those that keep the key? Null if the keyspace is not there (any more).</summary>
    bool? Keeps(EventualKey key) => ListOf(key.Keyspace, LeafPlace.ArcOf(key.Token))?.Primaries.Contains(Self);
}
