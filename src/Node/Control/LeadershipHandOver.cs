using Grpc.Core;
using KvRaft.Node.Cluster;
using KvRaft.Node.Options;
using KvRaft.Node.Telemetry;
using KvRaft.Placement.Planning;
using KvRaft.Raft.Groups;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Control;

/// <summary>Requests leadership transfers, from this node or from the present leader. The next check sees a transfer that did not happen, and decides again.</summary>
internal sealed class LeadershipHandOver(NodeOptions options, PeerDirectory peers, RaftHost raft, ILogger<LeadershipHandOver> logger)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <param name="transfers">Of different shards; executed in parallel.</param>
    /// <param name="why">The reason, for operators.</param>
    /// <param name="cancellationToken">The node stops.</param>
    public Task RunAsync(IEnumerable<LeaderTransfer> transfers, string why, CancellationToken cancellationToken) =>
        Task.WhenAll(transfers.Select(transfer => RunAsync(transfer, $"lead shard {transfer.Shard} on {transfer.To} instead of {transfer.From}, {why}", cancellationToken)));

    private async Task RunAsync(LeaderTransfer transfer, string what, CancellationToken cancellationToken)
    {
        try
        {
            if (transfer.From == options.NodeId || peers.Find(transfer.From) is not { } peer)
            {
                await RunHereAsync(transfer, what, cancellationToken);
                return;
            }

            await peer.Admin.ResignAsync(
                new ResignRequest { Group = GroupId.OfShard(transfer.Shard).Value, ToNode = transfer.To.Value },
                deadline: DateTime.UtcNow + Patience,
                cancellationToken: cancellationToken);
            logger.PlacementActs(what);
        }
        catch (Exception error) when (error is RpcException or ObjectDisposedException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            logger.PlacementActRefused(what, error is RpcException { Status.Detail: var detail } ? detail : error.Message);
        }
    }

    private async Task RunHereAsync(LeaderTransfer transfer, string what, CancellationToken cancellationToken)
    {
        if (raft.Groups.FirstOrDefault(group => group.Id == GroupId.OfShard(transfer.Shard)) is not { IsLeader: true } group
            || group.Voters().FirstOrDefault(voter => voter.Node == transfer.To) is not { Incarnation: > 0 } successor)
        {
            return;
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Patience);
        try
        {
            if (await group.TransferLeadershipAsync(successor, limit.Token))
            {
                logger.PlacementActs(what);
            }
            else
            {
                logger.PlacementActRefused(what, $"{transfer.To} is unreachable or behind");
            }
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            logger.PlacementActRefused(what, "it timed out");
        }
    }
}
