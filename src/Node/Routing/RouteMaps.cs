using KvRaft.Node.Cluster;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Node.Shards;
using KvRaft.Topology;
using KvRaft.V1;
using KeyspaceMode = KvRaft.Topology.KeyspaceMode;
using RoutingRule = KvRaft.Topology.RoutingRule;
using WireHint = KvRaft.V1.LeaderHint;

namespace KvRaft.Node.Routing;

/// <summary>The routing view as a message of the wire, with the leaders that this node's replicas have recorded.</summary>
internal sealed class RouteMaps(NodeOptions options, ShardMapHolder map, ShardTable shards, LeaderBoard leaders, Cluster.PlacementAgent placement)
{
    public RouteMap Current()
    {
        var view = map.Current;
        var wire = new RouteMap
        {
            ClusterId = options.ClusterId.ToString(),
            Epoch = view.Epoch.Value,
            PlacementLeader = placement.Leader?.Value ?? "",
        };
        wire.Nodes.Add(view.Nodes.Select(ToWire));
        wire.Keyspaces.Add(view.Keyspaces.Select(ToWire));
        if (view.Map is { } current)
        {
            wire.ShardCount = current.ShardCount;
            wire.HashSeed = current.HashSeed;
            wire.Shards.Add(current.Shards.Select(ToWire));
        }

        return wire;
    }

    public ShardRoute ToWire(ShardDescriptor shard)
    {
        var leader = LeaderOf(shard.Id);
        var route = new ShardRoute { Shard = shard.Id.Value, LeaderNode = leader.NodeId, LeaderTerm = leader.Term };
        route.Replicas.Add(shard.Replicas.Select(replica =>
            new ReplicaRoute { NodeId = replica.Node.Value, Incarnation = replica.Incarnation }));
        return route;
    }

    /// <summary>By shard number, one for each shard of the map.</summary>
    public IReadOnlyList<WireHint> Leaders() =>
        [.. Enumerable.Range(0, map.Current.Map?.ShardCount ?? 0).Select(shard => LeaderOf(new ShardId(shard)))];

    private WireHint LeaderOf(ShardId shard)
    {
        var replica = shards.Find(shard);
        var leader = replica is not null ? replica.Leader : leaders.Find(shard);
        return new WireHint { Shard = shard.Value, NodeId = leader?.Value ?? "", Term = leader is null ? 0 : replica?.Group.Term ?? 0 };
    }

    private static NodeRoute ToWire(NodeDescriptor node) => new()
    {
        NodeId = node.Id.Value,
        Endpoint = node.PublicAddress,
        Zone = node.Zone,
        Weight = node.Weight,
        State = node.Standing switch
        {
            NodeStanding.Joined => NodeState.Joined,
            NodeStanding.Draining => NodeState.Draining,
            NodeStanding.Leaving => NodeState.Leaving,
            _ => NodeState.Up,
        },
        Version = ServerVersion.Text,
    };

    public static KeyspaceInfo ToWire(KeyspaceDescriptor keyspace) => new()
    {
        Id = (int)keyspace.Id.Value,
        Name = keyspace.Name,
        Mode = keyspace.Mode == KeyspaceMode.Eventual ? V1.KeyspaceMode.Eventual : V1.KeyspaceMode.Strong,
        Routing = keyspace.Routing == RoutingRule.Tag ? V1.RoutingRule.Tag : V1.RoutingRule.WholeKey,
        TtlDefaultMs = keyspace.TtlDefaultMs,
        TtlMaxMs = keyspace.TtlMaxMs,
        ValueBytesMax = keyspace.ValueBytesMax,
        Eventual = keyspace.Eventual is { } policy ? EventualPolicies.ToWire(policy) : null,
    };
}
