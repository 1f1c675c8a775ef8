using KvRaft.Node.Options;
using KvRaft.Node.Routing;
using KvRaft.Topology;

namespace KvRaft.Node.Membership;

/// <summary>What a cluster begins with: the nodes its options list, their shards, one keyspace. Pure; equal on nodes that were told the same.</summary>
internal static class FirstView
{
    public static RoutingView Of(NodeOptions options)
    {
        var nodes = Nodes(options);
        var assignment = ShardAssignment.Of(HashRing.Of(nodes), options.ShardCount, options.ReplicationFactor);
        return new RoutingView(
            ShardMap.Create(assignment), nodes, [new KeyspaceDescriptor { Id = KeyspaceId.Default, Name = KeyspaceName.Default }]);
    }

    /// <summary>The initial nodes as the cluster registers them, by id.</summary>
    public static IReadOnlyList<NodeDescriptor> Nodes(NodeOptions options) =>
    [
        .. options.Nodes.OrderBy(node => node.Id).Select(node => new NodeDescriptor
        {
            Id = node.Id,
            Weight = node.Weight,
            Zone = node.Zone,
            RaftAddress = node.Raft.ToString(),
            PublicAddress = node.Public.ToString(),
        }),
    ];
}
