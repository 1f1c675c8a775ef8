using System.Collections.Frozen;
using KvRaft.Eventual.Repair;
using KvRaft.Node.Options;
using KvRaft.Node.Routing;
using KvRaft.Topology;

namespace KvRaft.Node.Peers;

/// <summary>Who keeps what, by the view in force.</summary>
internal sealed class KeyOwners(NodeOptions options, ShardMapHolder map, PeerRings rings) : IKeyOwners
{
    private volatile Registry? _last;

    public NodeId Self => options.NodeId;

    public IReadOnlyList<NodeId> Nodes => [.. map.Current.Nodes.Select(static node => node.Id)];

    public IReadOnlyList<KeyspaceId> Keyspaces => Current().Policies.Keys.Order().ToArray();

    public PreferenceList? ListOf(KeyspaceId keyspace, int arc)
    {
        var registry = Current();
        return registry.Policies.TryGetValue(keyspace, out var policy) ? rings.Of(registry.View).ListOf(arc, policy.Quorum.N) : null;
    }

    // Asked for every arc of every keyspace in every round, so the registry is turned round once for each view.
    private Registry Current()
    {
        var view = map.Current;
        return _last is { } last && ReferenceEquals(last.View, view) ? last : _last = new Registry(view, view.Keyspaces
            .Where(static keyspace => keyspace.Eventual is not null).ToFrozenDictionary(static keyspace => keyspace.Id, static keyspace => keyspace.Eventual!));
    }

    private sealed record Registry(RoutingView View, FrozenDictionary<KeyspaceId, EventualPolicy> Policies);
}
