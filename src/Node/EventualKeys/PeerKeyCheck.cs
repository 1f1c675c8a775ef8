using System.Collections.Frozen;
using KvRaft.Eventual.Replicas;
using KvRaft.Node.Cluster;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.EventualKeys;

/// <summary>
/// Checks the key of a record in a call from another node: its keyspace is an eventual one of this cluster, its length is one that a client could have
/// written, and its token is the key's own, so that no record is stored where no read and no repair would find it. Thread-safe.
/// </summary>
internal sealed class PeerKeyCheck(NodeOptions options, ShardMapHolder map)
{
    private volatile Registry? _last;

    /// <summary>Null: the key in the message is one that this node may hold.</summary>
    public (EventualKey Key, Failure? Failure) Check(StateKey? wire)
    {
        if (wire is null || !PeerWire.IsKey(wire))
        {
            return (default, Failure.Invalid("key", $"a keyspace, a token and a key of at most {ushort.MaxValue} bytes"));
        }

        var (view, keyspaces) = Current();
        if (view.Map is null || !keyspaces.TryGetValue(new KeyspaceId((uint)wire.Keyspace), out var keyspace))
        {
            return (default, Failure.Refused(ErrorReasons.KeyspaceNotFound, $"node {options.NodeId} has no eventual keyspace {wire.Keyspace}"));
        }

        var key = PeerWire.FromWire(wire);
        return key.Token == KeyHash.TokenOf(view.Map.HashSeed, keyspace.Id, keyspace.Routing, key.Key.Span)
            ? (key, null)
            : (default, Failure.Invalid("key.token", "the token of the key in its keyspace"));
    }

    private Registry Current()
    {
        var view = map.Current;
        return _last is { } last && ReferenceEquals(last.View, view) ? last : _last = new Registry(
            view, view.Keyspaces.Where(static keyspace => keyspace.Eventual is not null).ToFrozenDictionary(static keyspace => keyspace.Id));
    }

    private sealed record Registry(RoutingView View, FrozenDictionary<KeyspaceId, KeyspaceDescriptor> Keyspaces);
}
