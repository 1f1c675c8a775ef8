using System.Security.Cryptography;
using KvRaft.Node.Cluster;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Node.Telemetry;
using KvRaft.Placement.State;
using KvRaft.Raft.Proposals;
using KvRaft.Topology;

namespace KvRaft.Node.Control;

/// <summary>
/// The automatic work of the leader of group 0: it founds the cluster if there is none, and, when it becomes leader,
/// registers the addresses in its options if they differ from the committed ones. Both are idempotent, so any number of
/// leaders may try.
/// </summary>
internal sealed class PlacementLoop(
    NodeOptions options, PlacementAgent agent, ShardMapHolder map, NodeFailure failure, TimeProvider time, ILogger<PlacementLoop> logger)
    : BackgroundService
{
    /// <summary>A refused proposal means that the leadership is changing, which takes about one election.</summary>
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(200);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => failure.GuardAsync(LeadAsync, stoppingToken);

    private async Task LeadAsync(CancellationToken cancellationToken)
    {
        // The only voter of a group leads it in term 0.
        var settledTerm = -1L;
        while (true)
        {
            // Taken before the state is read; see ChangeSignal.
            var news = map.Changes.Next;
            var term = agent.Group.Term;
            if (!agent.Group.IsLeader || term == settledTerm)
            {
                await news.WaitAsync(cancellationToken);
            }
            else if (await SettleAsync(cancellationToken))
            {
                settledTerm = term;
            }
            else
            {
                await Task.Delay(RetryDelay, time, cancellationToken);
            }
        }
    }

    /// <summary>True if nothing is left to do in this term.</summary>
    private async Task<bool> SettleAsync(CancellationToken cancellationToken)
    {
        if (!agent.State.IsInitialized)
        {
            logger.ProposesFirstShardMap(options.NodeId, options.ShardCount, options.ReplicationFactor, options.Nodes.Count);
            var founding = InitCluster.For(
                options.ClusterId, Nodes(), options.ShardCount, options.ReplicationFactor, [.. RandomNumberGenerator.GetBytes(ContextKey.SecretBytes)]);
            return await IsAppliedAsync(founding, cancellationToken);
        }

        foreach (var node in Nodes())
        {
            var agreed = agent.State.FindNode(node.Id);

            // An address that another node has now is not this node's any more, whatever the options contain.
            var isTaken = agent.State.Nodes.Any(other => other.Id != node.Id && (other.RaftAddress == node.RaftAddress || other.PublicAddress == node.PublicAddress));

            // If a node has reported its addresses itself, its report wins.
            if (agreed is not null && !isTaken && agreed.Instance == Guid.Empty && (agreed.RaftAddress != node.RaftAddress || agreed.PublicAddress != node.PublicAddress))
            {
                logger.RegistersAddress(options.NodeId, node.Id, node.PublicAddress, node.RaftAddress);
                if (!await IsAppliedAsync(new ChangeNodeAddress(node.Id, node.RaftAddress, node.PublicAddress), cancellationToken))
                {
                    return false;
                }
            }
        }

        return true;
    }

    private async Task<bool> IsAppliedAsync(PlacementCommand command, CancellationToken cancellationToken)
    {
        var result = await agent.ProposeAsync(command, cancellationToken);
        if (result is { Status: ProposalStatus.Applied, Outcome: PlacementRefused refused })
        {
            logger.PlacementRefused(options.NodeId, refused.Message);
        }

        return result.Status == ProposalStatus.Applied;
    }

    private IEnumerable<NodeDescriptor> Nodes() => options.Nodes.Select(node => new NodeDescriptor
    {
        Id = node.Id,
        Weight = node.Weight,
        Zone = node.Zone,
        RaftAddress = node.Raft.ToString(),
        PublicAddress = node.Public.ToString(),
    });
}
