using System.Collections.Immutable;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Planning;

/// <summary>What would happen: the nodes and the moves of a plan, and what they mean for whoever has to decide. Immutable.</summary>
public sealed record Plan
{
    /// <summary>Of the state it was made from.</summary>
    public required Epoch Base { get; init; }

    public required ImmutableArray<TopologyChange> Changes { get; init; }

    /// <summary>The nodes once it is committed.</summary>
    public required ImmutableArray<NodeDescriptor> Nodes { get; init; }

    public required ImmutableArray<PlannedMove> Moves { get; init; }

    /// <summary>The shards of every node, by name of node: before, and when all moves are made.</summary>
    public required ImmutableArray<NodeShares> Shares { get; init; }

    public required Tolerance Tolerance { get; init; }

    /// <summary>Bytes to be copied as far as the sizes of shards are known; null: they are not.</summary>
    public long? Bytes { get; init; }

    /// <summary>For people.</summary>
    public required ImmutableArray<string> Warnings { get; init; }

    public bool IsEmpty => Moves.IsEmpty && Changes.All(static change => change.Kind == TopologyChangeKind.Rebalance);

    /// <summary>The command that makes it the cluster's.</summary>
    public CommitPlan ToCommand(string cause, long atMs, bool takesStaged)
    {
        ArgumentNullException.ThrowIfNull(cause);
        return new CommitPlan
        {
            Base = Base,
            Changes = Changes,
            Moves = Moves,
            Cause = cause.Length <= PlacementLimits.NoteLengthMax ? cause : cause[..PlacementLimits.NoteLengthMax],
            AtMs = atMs,
            TakesStaged = takesStaged,
        };
    }
}

/// <summary>How many shards a node holds before a plan and after it.</summary>
public readonly record struct NodeShares(NodeId Node, int Before, int After);

/// <summary>
/// How many more nodes may fail before the worst-off shard loses its majority; negative: one has lost it. A replica that is being moved is one more voter for
/// a moment.
/// </summary>
/// <param name="Before">As it is.</param>
/// <param name="During">The least at any moment of the moves.</param>
/// <param name="After">When they are made.</param>
/// <param name="ZoneBefore">Any one zone may be lost, as it is.</param>
/// <param name="ZoneAfter">Any one zone may be lost, when the moves are made.</param>
public readonly record struct Tolerance(int Before, int During, int After, bool ZoneBefore, bool ZoneAfter);

/// <summary>What is known of the cluster beside its agreed state; reported, so it may be old.</summary>
public sealed record ClusterFacts
{
    public static readonly ClusterFacts None = new();

    /// <summary>Nodes that do not answer.</summary>
    public ImmutableHashSet<NodeId> Away { get; init; } = [];

    /// <summary>The size of a replica of each shard; 0 or missing: not known.</summary>
    public ImmutableDictionary<ShardId, long> ShardBytes { get; init; } = ImmutableDictionary<ShardId, long>.Empty;

    /// <summary>Free bytes of each node's data disk.</summary>
    public ImmutableDictionary<NodeId, long> FreeBytes { get; init; } = ImmutableDictionary<NodeId, long>.Empty;
}
