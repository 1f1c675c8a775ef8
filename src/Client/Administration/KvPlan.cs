using KvRaft.Client.Values;
using KvRaft.V1;

namespace KvRaft.Client;

/// <summary>A change of the nodes that a plan carries out.</summary>
public sealed record KvPlanChange
{
    private KvPlanChange(KvPlanChangeKind kind, string node, double weight = 0, string zone = "") =>
        (Kind, Node, Weight, Zone) = (kind, node, weight, zone);

    public KvPlanChangeKind Kind { get; }

    /// <summary>Empty for <see cref="KvPlanChangeKind.Rebalance"/>.</summary>
    public string Node { get; }

    /// <summary>Of <see cref="KvPlanChangeKind.Add"/> and <see cref="KvPlanChangeKind.Weight"/>.</summary>
    public double Weight { get; }

    /// <summary>Of <see cref="KvPlanChangeKind.Zone"/>.</summary>
    public string Zone { get; }

    /// <summary>Gives a joined node its share of the ring.</summary>
    /// <param name="weight">0: the weight it joined with.</param>
    public static KvPlanChange Add(string node, double weight = 0) => new(KvPlanChangeKind.Add, node, weight);

    public static KvPlanChange SetWeight(string node, double weight) => new(KvPlanChangeKind.Weight, node, weight);

    public static KvPlanChange SetZone(string node, string zone) => new(KvPlanChangeKind.Zone, node, zone: zone);

    /// <summary>Moves everything off a node and removes it from the cluster.</summary>
    public static KvPlanChange Decommission(string node) => new(KvPlanChangeKind.Decommission, node);

    /// <summary>Moves shards to where the ring places them.</summary>
    public static KvPlanChange Rebalance() => new(KvPlanChangeKind.Rebalance, "");

    internal static KvPlanChange From(PlanChange change) => new((KvPlanChangeKind)change.Kind, change.NodeId, change.Weight, change.Zone);

    internal PlanChange ToMessage() => new() { Kind = (PlanChangeKind)Kind, NodeId = Node, Weight = Weight, Zone = Zone };
}

public enum KvPlanChangeKind
{
    Add = 1,
    Weight = 2,
    Zone = 3,
    Decommission = 4,

    /// <summary>Made by the cluster: the node does not answer.</summary>
    SetAside = 5,
    Rebalance = 6,
}

/// <summary>A plan: staged changes, the moves they need and their effect.</summary>
/// <param name="Number">Assigned at commit; null: the plan is not committed.</param>
/// <param name="BytesToCopy">null: unknown.</param>
/// <param name="ToleranceBefore">How many more nodes may fail; negative: a shard has no majority.</param>
/// <param name="ZoneToleranceBefore">Any one zone may fail.</param>
/// <param name="Duration">Estimated from the present copy rate; null: unknown.</param>
public sealed record KvPlan(
    long? Number,
    long Epoch,
    IReadOnlyList<KvPlanChange> Changes,
    IReadOnlyList<KvPlanMove> Moves,
    IReadOnlyList<KvNodeShare> Shares,
    long? BytesToCopy,
    int ToleranceBefore,
    int ToleranceDuring,
    int ToleranceAfter,
    bool ZoneToleranceBefore,
    bool ZoneToleranceAfter,
    IReadOnlyList<string> Warnings,
    TimeSpan? Duration)
{
    internal static KvPlan From(PlanInfo plan) => new(
        plan.Plan == 0 ? null : plan.Plan, plan.Epoch,
        [.. plan.Changes.Select(KvPlanChange.From)],
        [.. plan.Moves.Select(static move => new KvPlanMove(move.Shard, move.FromNode, move.ToNode))],
        [.. plan.Shares.Select(static share => new KvNodeShare(share.NodeId, share.ShardsBefore, share.ShardsAfter))],
        plan.Bytes < 0 ? null : plan.Bytes, plan.ToleranceBefore, plan.ToleranceDuring, plan.ToleranceAfter,
        plan.ZoneToleranceBefore, plan.ZoneToleranceAfter, [.. plan.Warnings], WireValues.SpanOrNull(plan.EtaMs));
}

/// <summary>A move that a plan needs.</summary>
public sealed record KvPlanMove(int Shard, string FromNode, string ToNode);

/// <summary>How many shards a node holds before and after a plan.</summary>
public sealed record KvNodeShare(string Node, int ShardsBefore, int ShardsAfter);
