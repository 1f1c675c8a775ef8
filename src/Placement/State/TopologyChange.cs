using System.Collections.Immutable;
using KvRaft.Topology;

namespace KvRaft.Placement.State;

/// <summary>What a plan may change of the nodes. The numbers are on disk.</summary>
public enum TopologyChangeKind : byte
{
    /// <summary>A node that joined, or one that was leaving, gets its share of the shards.</summary>
    Add = 1,

    /// <summary>Changes the share of a node relative to others.</summary>
    Weight = 2,

    /// <summary>Changes the failure domain of a node.</summary>
    Zone = 3,

    /// <summary>All replicas leave the node; then the node is removed.</summary>
    Decommission = 4,

    /// <summary>All replicas leave a node that does not answer; the node stays with the standing of a new node.</summary>
    SetAside = 5,

    /// <summary>Changes no node: the shards move to where the ring places them.</summary>
    Rebalance = 6,
}

/// <summary>One change of a plan.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Node">The node; default for <see cref="TopologyChangeKind.Rebalance"/>.</param>
/// <param name="Weight">For <see cref="TopologyChangeKind.Weight"/>.</param>
/// <param name="Zone">For <see cref="TopologyChangeKind.Zone"/>.</param>
public sealed record TopologyChange(TopologyChangeKind Kind, NodeId Node = default, double Weight = 0, string Zone = "")
{
    public override string ToString() => Kind switch
    {
        TopologyChangeKind.Add => $"add {Node}",
        TopologyChangeKind.Weight => FormattableString.Invariant($"weight {Node} {Weight}"),
        TopologyChangeKind.Zone => $"label {Node} zone={Zone}",
        TopologyChangeKind.Decommission => $"decommission {Node}",
        TopologyChangeKind.SetAside => $"set {Node} aside",
        _ => "rebalance",
    };
}

/// <summary>A move of a plan.</summary>
public readonly record struct PlannedMove(ShardId Shard, NodeId From, NodeId To);

/// <summary>Applies changes to the nodes. Pure.</summary>
public static class TopologyChanges
{
    /// <summary>The changed nodes, or the reason why the changes are refused.</summary>
    public static (ImmutableArray<NodeDescriptor> Nodes, PlacementRefused? Refused) Apply(
        ImmutableArray<NodeDescriptor> nodes, int replicationFactor, IEnumerable<TopologyChange> changes)
    {
        ArgumentNullException.ThrowIfNull(changes);
        var next = nodes;
        foreach (var change in changes)
        {
            if (change.Kind == TopologyChangeKind.Rebalance)
            {
                continue;
            }

            var node = next.FirstOrDefault(each => each.Id == change.Node);
            if (node is null)
            {
                // A node that was started just before may still join.
                return (nodes, new PlacementRefused(PlacementRefusal.NodeNotFound, change.Kind == TopologyChangeKind.Add
                    ? $"node '{change.Node}' has not joined; wait until 'kvctl node list' shows it, and repeat the command"
                    : $"there is no node '{change.Node}'"));
            }

            var (changed, mistake) = Apply(node, change);
            if (mistake is not null)
            {
                return (nodes, new PlacementRefused(PlacementRefusal.Invalid, mistake));
            }

            next = next.Replace(node, changed);
        }

        var owners = next.Count(static node => node.IsOwner);
        return owners < replicationFactor && owners < nodes.Count(static node => node.IsOwner)
            ? (nodes, new PlacementRefused(
                PlacementRefusal.TooFewNodes, $"{owners} nodes would remain to hold {replicationFactor} replicas of each shard; add a node first"))
            : (next, null);
    }

    private static (NodeDescriptor Node, string? Mistake) Apply(NodeDescriptor node, TopologyChange change) => change.Kind switch
    {
        TopologyChangeKind.Add => !node.IsOwner
            ? (node with { Standing = NodeStanding.Active }, null)
            : (node, $"node {node.Id} is {Word(node.Standing)} and has its share already"),
        TopologyChangeKind.Weight => RingNode.IsValidWeight(change.Weight)
            ? (node with { Weight = change.Weight }, null)
            : (node, FormattableString.Invariant(
                $"weight {change.Weight} is not from {RingNode.WeightMin} to {RingNode.WeightMax}; to move all shards off a node, decommission it")),
        TopologyChangeKind.Zone => PrintableText.Mistake(change.Zone, NodeDescriptor.ZoneLengthMax) is { } wrong
            ? (node, $"the zone {wrong}")
            : (node with { Zone = change.Zone }, null),
        TopologyChangeKind.Decommission => node.Standing != NodeStanding.Leaving
            ? (node with { Standing = NodeStanding.Leaving }, null)
            : (node, $"node {node.Id} is leaving already"),
        TopologyChangeKind.SetAside => node.IsOwner
            ? (node with { Standing = NodeStanding.Joined }, null)
            : (node, $"node {node.Id} is {Word(node.Standing)} and holds no share"),
        _ => (node, $"there is no change {(int)change.Kind}"),
    };

    /// <summary>The text of a standing.</summary>
    public static string Word(NodeStanding standing) => standing switch
    {
        NodeStanding.Joined => "joined",
        NodeStanding.Active => "active",
        NodeStanding.Draining => "draining",
        _ => "leaving",
    };
}
