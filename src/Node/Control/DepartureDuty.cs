using Grpc.Core;
using KvRaft.Node.Cluster;
using KvRaft.Placement.State;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Control;

/// <summary>Removes a node from the cluster and notifies it, if it was to leave, holds nothing any more (also no eventual key: <see cref="EventualDeparture"/>) and does not vote in group 0.</summary>
internal sealed class DepartureDuty(PlacementAgent placement, PeerDirectory peers, ILogger<DepartureDuty> logger)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    public async Task ActAsync(PlacementSight sight, CancellationToken cancellationToken)
    {
        foreach (var node in sight.State.Nodes.Where(node => node.Standing == NodeStanding.Leaving))
        {
            if (!sight.HoldsNothing(node.Id) || EventualDeparture.WhyNot(sight.State, sight.Reports.GetValueOrDefault(node.Id)) is not null
                || placement.Voters.Any(voter => voter.Node == node.Id))
            {
                continue;
            }

            // Taken before: afterwards the node is no longer in the state.
            var peer = peers.Find(node.Id);
            if (await placement.ActAsync(new RemoveNode(node.Id), $"{node.Id} is decommissioned and gone", logger, cancellationToken) && peer is not null)
            {
                await TellAsync(peer, cancellationToken);
            }
        }
    }

    private async Task TellAsync(Peer peer, CancellationToken cancellationToken)
    {
        try
        {
            await peer.Nodes.FarewellAsync(
                new FarewellRequest { NodeId = peer.Node.Value, Epoch = placement.State.Epoch.Value },
                deadline: DateTime.UtcNow + Patience,
                cancellationToken: cancellationToken);
        }
        catch (Exception error) when (error is RpcException or ObjectDisposedException)
        {
            // It is unreachable. If it returns, it queries the other nodes before it opens anything, and receives the notice then.
            cancellationToken.ThrowIfCancellationRequested();
        }
    }
}
