using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Cli.Commands;

/// <summary>The shard map, and what every node of it says of itself, asked all at once.</summary>
internal sealed class ClusterView
{
    /// <summary>2 s: a node that takes longer to say how it is, is not well.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    internal ClusterView(RouteMap map, IReadOnlyList<NodeView> nodes)
    {
        Map = map;
        Nodes = nodes;
        _committed = nodes.SelectMany(static node => node.Status?.Groups ?? []).GroupBy(static group => group.Group)
            .ToDictionary(static group => group.Key, static group => group.Max(static each => each.CommitIndex));
    }

    /// <summary>By group, the last index that a node knows to be committed.</summary>
    private readonly Dictionary<int, long> _committed;

    public RouteMap Map { get; }

    /// <summary>By name.</summary>
    public IReadOnlyList<NodeView> Nodes { get; }

    public static async Task<ClusterView> AskAsync(KvClient client, CancellationToken cancellationToken)
    {
        var map = await client.Administration.Calls.GetRoutesAsync(cancellationToken);
        var nodes = map.Nodes.OrderBy(static node => node.NodeId, StringComparer.Ordinal)
            .Select(node => AskNodeAsync(client, node, cancellationToken));
        return new ClusterView(map, await Task.WhenAll(nodes));
    }

    public int ReplicasOn(string node) => Map.Shards.Count(shard => shard.Replicas.Any(replica => replica.NodeId == node));

    public int LeadersOn(string node) => Map.Shards.Count(shard => shard.LeaderNode == node);

    /// <summary>The replicas of a shard that do not serve, with what each says of itself; a node that does not answer has none that does.</summary>
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
    /// Entries that are committed as far as any node knows, and not yet applied by this one, over all its groups: a replica that hears no leader, or fetches a checkpoint,
    /// does not know by itself how far behind it is. Null: it does not answer.
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

/// <param name="Status">Null: it did not answer, and <paramref name="Error"/> says why.</param>
internal sealed record NodeView(NodeRoute Route, StatusResponse? Status, string? Error)
{
    /// <summary>What a replica says of itself that takes part in its group and serves. Anything else needs attention,</summary>
    public const string Serves = "serving";

    /// <summary>but for one that is coming to a node by plan.</summary>
    public const string Learns = "learning";

    /// <summary>Replicas that failed, are rebuilt or catch up; null: the node does not answer.</summary>
    public int? NotServing => Status?.Groups.Count(static group => group.State is not (Serves or Learns));

    /// <summary>Two letters, as nodetool has them.</summary>
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
