using KvRaft.Eventual.Replicas;
using KvRaft.Eventual.Trees;
using KvRaft.Topology;

namespace KvRaft.Eventual.Repair;

/// <summary>Who keeps what, by the registry and the ring in force. Thread-safe; answers may change between two calls.</summary>
internal interface IKeyOwners
{
    NodeId Self { get; }

    /// <summary>Every node of the cluster.</summary>
    IReadOnlyList<NodeId> Nodes { get; }

    /// <summary>The eventual keyspaces there are.</summary>
    IReadOnlyList<KeyspaceId> Keyspaces { get; }

    /// <summary>The preference list of an arc; null if the keyspace is not there (any more).</summary>
    PreferenceList? ListOf(KeyspaceId keyspace, int arc);

    /// <summary>Is this node one of those that keep the key? Null if the keyspace is not there (any more).</summary>
    bool? Keeps(EventualKey key) => ListOf(key.Keyspace, LeafPlace.ArcOf(key.Token))?.Primaries.Contains(Self);
}
