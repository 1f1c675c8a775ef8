using System.Collections.Frozen;
using KvRaft.Eventual.Quorum;
using KvRaft.Eventual.Replicas;
using KvRaft.Node.Cluster;
using KvRaft.Node.Options;
using KvRaft.Topology;

namespace KvRaft.Node.EventualKeys;

/// <summary>The replica holders of each token range, by the view in force.</summary>
internal sealed class ReplicaHolders(NodeOptions options, ShardMapHolder map, PeerRings rings) : IReplicaHolders
{
    private volatile Registry? _last;

    public NodeId Self => options.NodeId;

    public IReadOnlyList<NodeId> Nodes => [.. map.Current.Nodes.Select(static node => node.Id)];

    public IReadOnlyList<KeyspaceId> Keyspaces => Current().Policies.Keys.Order().ToArray();

    public bool IsLeaving => map.Current is { Map: not null } view && view.Node(options.NodeId)?.Standing is null or NodeStanding.Leaving;

    public Tenure? TenureOf(KeyspaceId keyspace)
    {
        var registry = Current();
        return registry.Policies.TryGetValue(keyspace, out var policy) ? Tenure.Of(registry.View.Plan, policy.Quorum) : null;
    }

    /// <summary>The present view, in the form that the copies need. The token ranges held here are computed anew: call it when the view has changed.</summary>
    public RingNews News()
    {
        var (view, policies) = Current();
        var lists = rings.Of(view);
        return new RingNews(view.Epoch.Value, view.Plan, view.NextKeyspace, [
            .. policies.Select(pair => new KeptKeyspace(pair.Key, Tenure.Of(view.Plan, pair.Value.Quorum), KeptIn(lists, pair.Value.Quorum.N))),
        ]);
    }

    private TokenRangeSet KeptIn(PreferenceLists lists, int n) => TokenRangeSet.Where(range => lists.Ring.Nodes.Length > 0 && lists.ListOf(range, n).Primaries.Contains(Self));

    public PreferenceList? ListOf(KeyspaceId keyspace, int range)
    {
        var registry = Current();
        return registry.Policies.TryGetValue(keyspace, out var policy) ? rings.Of(registry.View).ListOf(range, policy.Quorum.N) : null;
    }

    // Called for every token range of every keyspace in every round, so the registry is inverted once for each view.
    private Registry Current()
    {
        var view = map.Current;
        return _last is { } last && ReferenceEquals(last.View, view) ? last : _last = new Registry(view, view.Keyspaces
            .Where(static keyspace => keyspace.Eventual is not null).ToFrozenDictionary(static keyspace => keyspace.Id, static keyspace => keyspace.Eventual!));
    }

    private sealed record Registry(RoutingView View, FrozenDictionary<KeyspaceId, EventualPolicy> Policies);
}
