using Grpc.Core;
using KvRaft.Eventual.Coordinators;
using KvRaft.Eventual.Repair;
using KvRaft.Eventual.Replicas;
using KvRaft.Eventual.Trees;
using KvRaft.Node.Membership;
using KvRaft.Node.Options;
using KvRaft.Node.Routing;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Services;

/// <summary>What this node tells of its hints and its repair.</summary>
internal sealed class EventualRepairService(
    NodeOptions options, EventualReplica replica, HintedHandoff handoff, RepairLedger ledger, EventualRepairLoop loop, IKeyOwners owners,
    GetCoordinator gets, ShardMapHolder map) : EventualRepair.EventualRepairBase
{
    public override Task<ListHintsResponse> ListHints(ListHintsRequest request, ServerCallContext context)
    {
        var response = new ListHintsResponse { KeptBy = options.NodeId.Value, Dropped = replica.Hints.DroppedCount };
        var backlogs = replica.Hints.Backlogs().ToDictionary(static backlog => backlog.Node);
        foreach (var node in owners.Nodes.Union(backlogs.Keys).Where(node => node != options.NodeId).Order())
        {
            var (progress, backlog) = (handoff.ProgressOf(node), backlogs.GetValueOrDefault(node));
            if (backlog.Count > 0 || progress.Delivered > 0)
            {
                response.Nodes.Add(new HintsOfNode
                {
                    Node = node.Value,
                    Keys = backlog.Count,
                    OldestMs = backlog.OldestMs,
                    Delivered = progress.Delivered,
                    LastError = progress.LastError,
                });
            }
        }

        return Task.FromResult(response);
    }

    public override async Task<DropHintsResponse> DropHints(DropHintsRequest request, ServerCallContext context) => NodeId.IsValid(request.Node)
        ? new DropHintsResponse { Dropped = await handoff.DropAsync(new NodeId(request.Node), context.CancellationToken) }
        : throw RpcStatus.ToException(Failure.Invalid("node", "a node id"));

    public override Task<RepairStatusResponse> RepairStatus(RepairStatusRequest request, ServerCallContext context)
    {
        var response = new RepairStatusResponse
        {
            Node = options.NodeId.Value,
            ReadRepairs = gets.RepairedCount,
            TombstonesRemoved = ledger.TombstonesRemoved,
            Rounds = ledger.Rounds,
        };
        foreach (var keyspace in map.Current.Keyspaces.Where(each => each.Eventual is not null && (request.Keyspace.Length == 0 || each.Name == request.Keyspace)))
        {
            response.Arcs.Add(Enumerable.Range(0, LeafPlace.Arcs).Select(arc => StateOf(keyspace, arc)).OfType<ArcRepair>());
        }

        return Task.FromResult(response);
    }

    public override Task<RunRepairResponse> RunRepair(RunRepairRequest request, ServerCallContext context)
    {
        loop.RunSoon();
        return Task.FromResult(new RunRepairResponse());
    }

    /// <summary>Null for an arc that is not kept here, or in which there is nothing and nothing went wrong.</summary>
    private ArcRepair? StateOf(KeyspaceDescriptor keyspace, int arc)
    {
        if (owners.ListOf(keyspace.Id, arc) is not { } list || !list.Primaries.Contains(options.NodeId))
        {
            return null;
        }

        var state = ledger.Of(keyspace.Id, arc);
        if (replica.Trees.Roots(keyspace.Id)[arc] == 0 && state is { LastError.Length: 0, KeysRepaired: 0 })
        {
            return null;
        }

        return new ArcRepair
        {
            Keyspace = keyspace.Name,
            Arc = arc,
            Others = { list.Primaries.ToArray().Where(node => node != options.NodeId).Select(static node => node.Value) },
            EqualAtMs = state.EqualAtMs,
            KeysRepaired = state.KeysRepaired,
            LastError = state.LastError,
        };
    }
}
