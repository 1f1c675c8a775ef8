using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Cli.Commands;

/// <summary>The shard map, and the status that every node in it reports; all nodes are queried in parallel.</summary>
internal sealed class ClusterView
{
    /// <summary>2 s: a node that takes longer to report its status is not healthy.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    internal ClusterView(RouteMap map, IReadOnlyList<NodeView> nodes)
    {
        Map = map;
        Nodes = nodes;
        _committed = nodes.SelectMany(static node => node.Status?.Groups ?? []).GroupBy(static group => group.Group)
            .ToDictionary(static group => group.Key, static group => group.Max(static each => each.CommitIndex));
    }

    /// <summary>By group: the highest index that any node reports as committed.</summary>
    private readonly Dictionary<int, long> _committed;

    public RouteMap Map { get; }

    /// <summary>Ordered by name.</summary>
    public IReadOnlyList<NodeView> Nodes { get; }

    public static async Task<ClusterView> AskAsync(KvClient client, CancellationToken cancellationToken)
    {
        var map = await client.Administration.Calls.GetRoutesAsync(cancellationToken);
        var nodes = map.Nodes.OrderBy(static node => node.NodeId, StringComparer.Ordinal)
            .Select(node => AskNodeAsync(client, node, cancellationToken));
        return new ClusterView(map, await Task.WhenAll(nodes));
    }

    public int ReplicasOn(string node) => Map.Shards.Count(shard => shard.Replicas.Any(replica => replica.NodeId == node));

    public int LeadersOn(string node) => Map.Shards.Count(shard => LeaderOf(shard)?.Node == node);

    /// <summary>
    /// The replica that reports that it leads a shard, of the highest term; if none does, the leader in the map. The map is that of one node, which may have no leader for a shard
    /// that it does not host, long after another replica was elected. Null: neither names one.
    /// </summary>
    public (string Node, long Term)? LeaderOf(ShardRoute shard)
    {
        var leaders =
            from node in Nodes
            from each in node.Status?.Groups ?? []
            where each.Shard == shard.Shard && each.Role == ReplicaRole.Leader
            orderby each.Term descending
            select ((string, long)?)(node.Route.NodeId, each.Term);
        return leaders.FirstOrDefault() ?? (shard.LeaderNode.Length > 0 ? (shard.LeaderNode, shard.LeaderTerm) : null);
    }

    /// <summary>The replicas of a shard that do not serve, each with its reported state; no replica of a node that does not answer serves.</summary>
    public IReadOnlyList<string> NotServing(ShardRoute shard) =>
    [
        .. from replica in shard.Replicas
           let node = Nodes.FirstOrDefault(node => node.Route.NodeId == replica.NodeId)
           let state = node?.Status is { } status
               ? status.Groups.FirstOrDefault(each => each.Shard == shard.Shard)?.State ?? "not open"
               : "no answer"
           where state != NodeView.Serves
           select $"{replica.NodeId}: {state}",
    ];

    /// <summary>
    /// The number of entries that some node reports as committed and this node has not applied yet, over all its groups. The other nodes are included
    /// because a replica without a leader, or one that fetches a checkpoint, has no information about how far it is behind. Null: the node does not
    /// answer.
    /// </summary>
    public long? LagOf(NodeView node) => node.Status?.Groups.Sum(group => Math.Max(0, _committed[group.Group] - group.AppliedIndex));

    private static async Task<NodeView> AskNodeAsync(KvClient client, NodeRoute route, CancellationToken cancellationToken)
    {
        try
        {
            return new NodeView(route, await client.Administration.Calls.GetStatusAsync(route.Endpoint, Patience, cancellationToken), Error: null);
        }
        catch (KvException error)
        {
            return new NodeView(route, Status: null, error.Reason);
        }
    }
}

/// <param name="Route">The node in the route map.</param>
/// <param name="Status">Null: it did not answer; <paramref name="Error"/> is the reason.</param>
/// <param name="Error">Null: it answered.</param>
internal sealed record NodeView(NodeRoute Route, StatusResponse? Status, string? Error)
{
    /// <summary>The reported state of a replica that takes part in its group and serves. Other states need attention,</summary>
    public const string Serves = "serving";

    /// <summary>except the state of a replica that a plan adds to a node.</summary>
    public const string Learns = "learning";

    /// <summary>The number of replicas that failed, are rebuilt or catch up; null: the node does not answer.</summary>
    public int? NotServing => Status?.Groups.Count(static group => group.State is not (Serves or Learns));

    /// <summary>Two letters, as in nodetool.</summary>
    public string State => (Status is null ? "D" : "U") + Route.State switch
    {
        NodeState.Draining => "D",
        NodeState.Suspect or NodeState.Down => "S",
        NodeState.Removed => "R",
        NodeState.Joined => "J",
        NodeState.Leaving => "L",
        _ => "N",
    };

}
