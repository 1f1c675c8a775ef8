using KvRaft.Node.Control;
using KvRaft.Node.Requests;
using KvRaft.Placement.Planning;
using KvRaft.Placement.State;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Administration;

/// <summary>Translates nodes, plans and operators to the messages of the wire and back. Pure.</summary>
internal static class PlacementWire
{
    public static NodeId ToNode(string field, string node) => NodeId.IsValid(node)
        ? new NodeId(node)
        : throw RpcStatus.ToException(Failure.Invalid(field, $"'{node}' is no name of a node"));

    public static Guid ToInstance(string instance) => Guid.TryParseExact(instance, "D", out var parsed) && parsed != Guid.Empty
        ? parsed
        : throw RpcStatus.ToException(Failure.Invalid("instance", $"'{instance}' is no UUID"));

    public static TopologyChange ToChange(PlanChange change)
    {
        var node = change.Kind == PlanChangeKind.Rebalance && change.NodeId.Length == 0 ? default : ToNode("changes.node_id", change.NodeId);
        return change.Kind switch
        {
            PlanChangeKind.Add => new TopologyChange(TopologyChangeKind.Add, node),
            PlanChangeKind.Weight => new TopologyChange(TopologyChangeKind.Weight, node, Weight: change.Weight),
            PlanChangeKind.Zone => new TopologyChange(TopologyChangeKind.Zone, node, Zone: change.Zone),
            PlanChangeKind.Decommission => new TopologyChange(TopologyChangeKind.Decommission, node),
            PlanChangeKind.Rebalance => new TopologyChange(TopologyChangeKind.Rebalance, node),
            _ => throw RpcStatus.ToException(Failure.Invalid("changes.kind", $"{change.Kind} cannot be requested")),
        };
    }

    public static PlanChange ToWire(TopologyChange change) => new()
    {
        Kind = (PlanChangeKind)change.Kind,
        NodeId = change.Node.Value,
        Weight = change.Weight,
        Zone = change.Zone,
    };

    public static PlanInfo ToWire(Plan plan, long number, Epoch epoch, PlacementSettings settings)
    {
        var info = new PlanInfo
        {
            Plan = number,
            Epoch = epoch.Value,
            Bytes = plan.Bytes ?? -1,
            ToleranceBefore = plan.Tolerance.Before,
            ToleranceDuring = plan.Tolerance.During,
            ToleranceAfter = plan.Tolerance.After,
            ZoneToleranceBefore = plan.Tolerance.ZoneBefore,
            ZoneToleranceAfter = plan.Tolerance.ZoneAfter,
            EtaMs = plan.Bytes is { } bytes ? (long)(bytes * 1000.0 / settings.CopyBytesPerSecond) : -1,
        };
        info.Changes.Add(plan.Changes.Select(ToWire));
        info.Moves.Add(plan.Moves.Select(static move => new PlanMove
        {
            Shard = move.Shard.Value,
            FromNode = move.From.Value,
            ToNode = move.To.Value,
        }));
        info.Shares.Add(plan.Shares.Select(static share => new V1.NodeShare
        {
            NodeId = share.Node.Value,
            ShardsBefore = share.Before,
            ShardsAfter = share.After,
        }));
        info.Warnings.Add(plan.Warnings);
        return info;
    }

    public static NodeInfo ToWire(NodeDescriptor node, NodeReport report, PlacementState state, double owns) => new()
    {
        NodeId = node.Id.Value,
        Public = node.PublicAddress,
        Raft = node.RaftAddress,
        Zone = node.Zone,
        Weight = node.Weight,
        Standing = TopologyChanges.Word(node.Standing),
        Health = report.Health.ToString().ToLowerInvariant(),
        SilenceMs = report.Status is null ? -1 : (long)report.Silence.TotalMilliseconds,
        Shards = state.Map!.ShardsOn(node.Id).Count(),
        Leaders = report.Status?.Groups.Count(static group => group.Shard >= 0 && group.Role == ReplicaRole.Leader) ?? 0,
        DataBytes = report.Status?.Groups.Sum(static group => group.Bytes) ?? 0,
        DiskFreeBytes = report.Status?.DiskFreeBytes ?? 0,
        DiskTotalBytes = report.Status?.DiskTotalBytes ?? 0,
        Version = report.Status?.ServerVersion ?? "",
        Owns = owns,
        Suspicion = Math.Round(report.Suspicion, 1),
        ClockOffsetMs = report.Status?.Clock?.OffsetMs ?? 0,
        ClockSkewed = report.Status?.Clock?.Skewed ?? false,
        Note = node.Standing == NodeStanding.Leaving ? EventualDeparture.WhyNot(state, report) ?? "" : "",
    };

    /// <param name="one">An operator that waits or runs.</param>
    /// <param name="sight">The committed state and the reports of nodes.</param>
    /// <param name="still">Since when nothing about it has changed.</param>
    public static OperatorInfo ToWire(MoveOperator one, PlacementSight sight, TimeSpan still)
    {
        var isRunning = one.IsRunning(sight.State);
        var info = Base(one);
        info.State = !isRunning ? "waiting" : sight.State.MoveOf(one.Shard)!.IsCancelling ? "cancelling" : "running";
        if (!isRunning)
        {
            info.Note = OperatorSchedule.WhyNot(one, sight.State, sight.Facts.Away) ?? "it starts now";
            return info;
        }

        var coming = OperatorWatchdog.ComingOf(one, sight);
        info.CopiedBytes = coming?.CopiedBytes ?? 0;
        info.CopyBytes = coming?.CopyBytes ?? 0;
        info.StillMs = (long)still.TotalMilliseconds;
        info.Note = info.CopyBytes > 0
            ? FormattableString.Invariant($"{one.To} has copied {info.CopiedBytes / 1_000_000} of {info.CopyBytes / 1_000_000} MB")
            : OperatorWatchdog.NoteOf(one, sight);
        if (still >= OperatorWatch.StalledAfter)
        {
            info.Note = FormattableString.Invariant($"no progress for {still.TotalSeconds:0} s: {info.Note}");
        }

        return info;
    }

    public static OperatorInfo ToWire(EndedOperator ended)
    {
        var info = Base(ended.Operator);
        info.State = ended.End.ToString().ToLowerInvariant();
        info.Note = ended.Note;
        info.EndedMs = ended.AtMs;
        info.EndedEpoch = ended.Epoch.Value;
        return info;
    }

    private static OperatorInfo Base(MoveOperator one) => new()
    {
        Number = one.Number,
        Plan = one.Plan,
        Shard = one.Shard.Value,
        FromNode = one.From.Value,
        ToNode = one.To.Value,
        Cause = one.Cause,
        AgreedMs = one.AtMs,
    };
}
