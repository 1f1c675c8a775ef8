using KvRaft.Node.Options;
using KvRaft.Node.Routing;
using KvRaft.Raft;
using KvRaft.Topology;

namespace KvRaft.Node.Membership;

/// <summary>Where this node's shard map comes from: the options, which list the whole cluster and are the same on every node.</summary>
internal sealed class PlacementAgent
{
    private PlacementAgent(NodeId? leader) => Leader = leader;

    /// <summary>Who decides about placement; nobody while the options do.</summary>
    public NodeId? Leader { get; }

    public static Task<PlacementAgent> JoinAsync(
        NodeOptions options, RaftHost raft, ShardMapHolder map, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        map.Take(FirstView.Of(options));
        return Task.FromResult(new PlacementAgent(leader: null));
    }
}
