using KvRaft.Node.Cluster;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Node.Routing;
using KvRaft.Placement.State;
using KvRaft.V1;

namespace KvRaft.Node.Control;

/// <summary>
/// Reports this node's data directory and addresses to group 0, once the cluster is founded and whenever they differ from the committed state.
/// If the node is refused, it is not the one that the cluster has recorded, or it was decommissioned: in both cases it ends.
/// </summary>
internal sealed class NodeRegistration(
    NodeOptions options, MembershipFile membership, PlacementAgent agent, PlacementRouter router, ShardMapHolder map, NodeFailure failure,
    TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Between attempts while group 0 has no leader.</summary>
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(500);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => failure.GuardAsync(RegisterAsync, stoppingToken);

    private async Task RegisterAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            // Taken before the state is read; see ChangeSignal.
            var news = map.Changes.Next;
            var state = agent.State;
            if (state.Removed.Contains(options.NodeId))
            {
                throw NodeFarewell.Decommissioned(options.NodeId);
            }

            if (state.FindNode(options.NodeId) is not { } known || IsTold(known))
            {
                await news.WaitAsync(cancellationToken);
                continue;
            }

            await TellAsync(cancellationToken);
        }
    }

    private bool IsTold(Topology.NodeDescriptor known) =>
        known.Instance == membership.Instance
        && known.RaftAddress == options.Self.Raft.ToString() && known.PublicAddress == options.Self.Public.ToString();

    private async Task TellAsync(CancellationToken cancellationToken)
    {
        var command = new RegisterNode(options.NodeId, membership.Instance, options.Self.Raft.ToString(), options.Self.Public.ToString());
        var request = new RegisterRequest
        {
            NodeId = command.Node.Value,
            Instance = command.Instance.ToString("D"),
            Raft = command.RaftAddress,
            Public = command.PublicAddress,
        };
        var answered = await router.RouteAsync<RegisterResponse>(
            command,
            static outcome => new RegisterResponse { Epoch = ((NodeChanged)outcome).Epoch.Value },
            (peer, call) => peer.Nodes.RegisterAsync(request, call),
            wasForwarded: false,
            Deadline.After(Patience, time));
        if (answered.Answer is { } told)
        {
            await agent.WaitForAsync(state => state.Epoch.Value >= told.Epoch, cancellationToken);
            return;
        }

        if (answered.Failure!.Reason == ErrorReasons.InvalidRequest)
        {
            throw new NodeStartException(StartFault.NotAdmitted, answered.Failure.Message);
        }

        await Task.Delay(RetryDelay, time, cancellationToken);
    }
}

/// <summary>The end of a node that the cluster has decommissioned.</summary>
internal static class NodeFarewell
{
    public static NodeStartException Decommissioned(Topology.NodeId node) => new(
        StartFault.NotAdmitted, $"node {node} was decommissioned and holds nothing any more; its data directory may be deleted");
}
