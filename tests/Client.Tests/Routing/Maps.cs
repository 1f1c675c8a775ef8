using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Client.Tests.Routing;

internal static class Maps
{
    /// <summary>Nodes n1 to n3 at the given endpoints, four shards on all of them, led by n1 in term 1.</summary>
    public static RouteMap ThreeNodes(long epoch, params string[] endpoints)
    {
        if (endpoints.Length == 0)
        {
            endpoints = ["h1:1", "h2:2", "h3:3"];
        }

        var map = new RouteMap { ClusterId = "c", Epoch = epoch, ShardCount = 4, HashSeed = KeyHash.Seed };
        map.Keyspaces.Add(new KeyspaceInfo { Id = 1, Name = "default", Mode = V1.KeyspaceMode.Strong, Routing = V1.RoutingRule.WholeKey });
        for (var node = 0; node < endpoints.Length; node++)
        {
            map.Nodes.Add(new NodeRoute { NodeId = $"n{node + 1}", Endpoint = endpoints[node], State = NodeState.Up });
        }

        for (var shard = 0; shard < map.ShardCount; shard++)
        {
            var route = new ShardRoute { Shard = shard, LeaderNode = "n1", LeaderTerm = 1 };
            route.Replicas.AddRange(map.Nodes.Select(static node => new ReplicaRoute { NodeId = node.NodeId, Incarnation = 1 }));
            map.Shards.Add(route);
        }

        return map;
    }
}
