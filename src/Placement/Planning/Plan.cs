using System.Collections.Immutable;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Planning;

/// <summary>A plan and its effects: the changed nodes, the moves, and what a person needs to decide about it. Immutable.</summary>
public sealed record Plan
{
    /// <summary>The epoch of the state from which the plan was made.</summary>
    public required Epoch Base { get; init; }

    public required ImmutableArray<TopologyChange> Changes { get; init; }

    /// <summary>The nodes after the commit.</summary>
    public required ImmutableArray<NodeDescriptor> Nodes { get; init; }

    public required ImmutableArray<PlannedMove> Moves { get; init; }

    /// <summary>The number of shards of each node, ordered by node name: before the plan, and after all moves.</summary>
    public required ImmutableArray<NodeShares> Shares { get; init; }

    public required Tolerance Tolerance { get; init; }

    /// <summary>The bytes to copy, counting the shards of known size; null: no size is known.</summary>
    public long? Bytes { get; init; }

    /// <summary>Warnings for people.</summary>
    public required ImmutableArray<string> Warnings { get; init; }

    public bool IsEmpty => Moves.IsEmpty && Changes.All(static change => change.Kind == TopologyChangeKind.Rebalance);

    /// <summary>The command that commits the plan.</summary>
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

/// <summary>The number of shards of a node before and after a plan.</summary>
public readonly record struct NodeShares(NodeId Node, int Before, int After);

/// <summary>
/// The number of further nodes that may fail before the weakest shard loses its majority; negative: a shard has lost it. While a replica is being
/// moved, its shard has one voter more.
/// </summary>
/// <param name="Before">Before the plan.</param>
/// <param name="During">The minimum during the moves.</param>
/// <param name="After">After the moves.</param>
/// <param name="ZoneBefore">The cluster survives the loss of any one zone before the plan.</param>
/// <param name="ZoneAfter">The cluster survives the loss of any one zone after the moves.</param>
public readonly record struct Tolerance(int Before, int During, int After, bool ZoneBefore, bool ZoneAfter);

/// <summary>Observations of the cluster in addition to its agreed state. Nodes report them, so they may be outdated.</summary>
public sealed record ClusterFacts
{
    public static readonly ClusterFacts None = new();

    /// <summary>Nodes that do not answer.</summary>
    public ImmutableHashSet<NodeId> Away { get; init; } = [];

    /// <summary>The size of a replica of each shard; 0 or missing: unknown.</summary>
    public ImmutableDictionary<ShardId, long> ShardBytes { get; init; } = ImmutableDictionary<ShardId, long>.Empty;

    /// <summary>Free bytes of each node's data disk.</summary>
    public ImmutableDictionary<NodeId, long> FreeBytes { get; init; } = ImmutableDictionary<NodeId, long>.Empty;
}
