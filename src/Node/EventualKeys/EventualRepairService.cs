using Google.Protobuf;
using Grpc.Core;
using KvRaft.Eventual.Coordinators;
using KvRaft.Eventual.Repair;
using KvRaft.Eventual.Replicas;
using KvRaft.Eventual.Trees;
using KvRaft.Node.Cluster;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Node.Routing;
using KvRaft.Topology;
using KvRaft.V1;
using Mode = KvRaft.Topology.KeyspaceMode;

namespace KvRaft.Node.EventualKeys;

/// <summary>Reports this node's hints and its repair.</summary>
internal sealed class EventualRepairService(
    NodeOptions options, EventualReplica replica, HintedHandoff handoff, RepairLedger ledger, EventualRepairLoop loop, IReplicaHolders holders,
    GetCoordinator gets, KeyspaceLookup keyspaces, ShardMapHolder map, TimeProvider time) : EventualRepair.EventualRepairBase
{
    /// <summary>Keys of one answer: with keys of 4 KiB, the longest, 4 MiB.</summary>
    private const int TopMax = 1000;

    /// <summary>The number that fits on a screen.</summary>
    private const int TopDefault = 10;

    public override Task<ListHintsResponse> ListHints(ListHintsRequest request, ServerCallContext context)
    {
        var response = new ListHintsResponse { KeptBy = options.NodeId.Value, Dropped = replica.Hints.DroppedCount };
        var backlogs = replica.Hints.Backlogs().ToDictionary(static backlog => backlog.Node);
        foreach (var node in holders.Nodes.Union(backlogs.Keys).Where(node => node != options.NodeId).Order())
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
            Paused = loop.IsPaused,
        };
        foreach (var keyspace in map.Current.Keyspaces.Where(each => each.Eventual is not null && (request.Keyspace.Length == 0 || each.Name == request.Keyspace)))
        {
            response.TokenRanges.Add(Enumerable.Range(0, LeafPlace.TokenRanges).Select(range => StateOf(keyspace, range)).OfType<TokenRangeRepair>());
        }

        return Task.FromResult(response);
    }

    public override Task<RunRepairResponse> RunRepair(RunRepairRequest request, ServerCallContext context)
    {
        loop.RunSoon();
        return Task.FromResult(new RunRepairResponse());
    }

    public override Task<PauseRepairResponse> PauseRepair(PauseRepairRequest request, ServerCallContext context)
    {
        if (request.Pause)
        {
            loop.Pause();
        }
        else
        {
            loop.Resume();
        }

        return Task.FromResult(new PauseRepairResponse());
    }

    public override async Task<TopSiblingsResponse> TopSiblings(TopSiblingsRequest request, ServerCallContext context)
    {
        if (request.Count is < 0 or > TopMax)
        {
            throw RpcStatus.ToException(Failure.Invalid("count", $"from 1 to {TopMax}, or left out"));
        }

        var found = await keyspaces.FindAsync(request.Keyspace, Mode.Eventual, Deadline.Of(null, context.Deadline, options.Limits, time));
        var keyspace = found.Keyspace ?? throw RpcStatus.ToException(found.Failure!);
        var response = new TopSiblingsResponse { Node = options.NodeId.Value, Several = replica.Crowded.Several };
        foreach (var crowded in replica.MostCrowded(keyspace.Id, request.Count == 0 ? TopDefault : request.Count))
        {
            response.Keys.Add(new V1.CrowdedKey { Key = UnsafeByteOperations.UnsafeWrap(crowded.Key.Key), Siblings = crowded.Siblings, Bytes = crowded.Bytes });
        }

        return response;
    }

    /// <summary>Null for a token range that is not held here, or that is empty and without failures.</summary>
    private TokenRangeRepair? StateOf(KeyspaceDescriptor keyspace, int range)
    {
        if (holders.ListOf(keyspace.Id, range) is not { } list || !list.Primaries.Contains(options.NodeId))
        {
            return null;
        }

        var state = ledger.Of(keyspace.Id, range);
        if (replica.Trees.Roots(keyspace.Id)[range] == 0 && state is { LastError.Length: 0, KeysRepaired: 0 })
        {
            return null;
        }

        return new TokenRangeRepair
        {
            Keyspace = keyspace.Name,
            TokenRange = range,
            Others = { list.Primaries.ToArray().Where(node => node != options.NodeId).Select(static node => node.Value) },
            EqualAtMs = state.EqualAtMs,
            KeysRepaired = state.KeysRepaired,
            LastError = state.LastError,
        };
    }
}
