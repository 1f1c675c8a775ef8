using System.Collections.Immutable;
using KvRaft.Topology;

namespace KvRaft.Placement.State;

/// <summary>
/// A change of group 0, as it is written to the log. A command carries decisions, not questions: the proposer computes every decision (for example
/// which node holds which shard), so a replica with a newer algorithm applies an old entry with the same result.
/// </summary>
public abstract record PlacementCommand;

/// <summary>Initializes the cluster. Every initial node may propose it. The first command applies; an equal one after it changes nothing.</summary>
public sealed record InitCluster : PlacementCommand
{
    public required Guid ClusterId { get; init; }

    /// <summary>Ordered by name.</summary>
    public required ImmutableArray<NodeDescriptor> Nodes { get; init; }

    public required int ReplicationFactor { get; init; }

    /// <summary>The seed of <see cref="KeyHash"/>.</summary>
    public required ulong HashSeed { get; init; }

    /// <summary>
    /// The cluster's first <see cref="ContextKey"/>: <see cref="ContextKey.SecretBytes"/> random bytes that the proposer draws. The first command
    /// that is applied decides; a later one that differs only in this field counts as equal.
    /// </summary>
    public required ImmutableArray<byte> ContextSecret { get; init; }

    /// <summary>The nodes of each shard, by shard number.</summary>
    public required ImmutableArray<ImmutableArray<NodeId>> Shards { get; init; }

    public int ShardCount => Shards.Length;

    /// <summary>The command for a new cluster; this method assigns the shards.</summary>
    /// <exception cref="ArgumentException">No nodes, a repeated name, a weight out of bounds, fewer nodes than replicas, or a shard count that is not
    /// a power of two.</exception>
    public static InitCluster For(
        Guid clusterId, IEnumerable<NodeDescriptor> nodes, int shardCount, int replicationFactor, ImmutableArray<byte> contextSecret)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        var sorted = nodes.OrderBy(static node => node.Id).ToImmutableArray();
        return new InitCluster
        {
            ClusterId = clusterId,
            Nodes = sorted,
            ReplicationFactor = replicationFactor,
            HashSeed = KeyHash.Seed,
            ContextSecret = contextSecret,
            Shards = ShardAssignment.Of(HashRing.Of(sorted), shardCount, replicationFactor).Shards,
        };
    }

    public bool Equals(InitCluster? other) =>
        other is not null && ClusterId == other.ClusterId && ReplicationFactor == other.ReplicationFactor && HashSeed == other.HashSeed
        && Nodes.AsSpan().SequenceEqual(other.Nodes.AsSpan()) && ContextSecret.AsSpan().SequenceEqual(other.ContextSecret.AsSpan())
        && Shards.Length == other.Shards.Length
        && Shards.Zip(other.Shards).All(static pair => pair.First.AsSpan().SequenceEqual(pair.Second.AsSpan()));

    public override int GetHashCode() => ClusterId.GetHashCode();
}

/// <summary>Registers a keyspace. If it exists with the same properties, the command changes nothing.</summary>
public sealed record CreateKeyspace(string Name) : PlacementCommand
{
    public KeyspaceMode Mode { get; init; } = KeyspaceMode.Strong;

    public RoutingRule Routing { get; init; } = RoutingRule.WholeKey;

    /// <summary>Milliseconds; 0: values without an expiry of their own never expire.</summary>
    public long TtlDefaultMs { get; init; }

    /// <summary>Milliseconds; 0: values may be stored without an expiry.</summary>
    public long TtlMaxMs { get; init; }

    /// <summary>Bytes; 0: the limit of the node.</summary>
    public int ValueBytesMax { get; init; }

    /// <summary>Set if and only if the keyspace is eventual.</summary>
    public EventualPolicy? Eventual { get; init; }
}

/// <summary>Changes the mutable properties of a keyspace; null leaves a property unchanged.</summary>
public sealed record AlterKeyspace(string Name) : PlacementCommand
{
    public long? TtlDefaultMs { get; init; }

    public long? TtlMaxMs { get; init; }

    public int? ValueBytesMax { get; init; }

    /// <summary>Only for eventual keyspaces.</summary>
    public EventualChange? Eventual { get; init; }
}

/// <summary>Removes a keyspace from the registry. Its id is never reused; the shards delete its data.</summary>
public sealed record DropKeyspace(string Name) : PlacementCommand;

/// <summary>Changes the addresses of a node. Its identity and its replicas stay.</summary>
public sealed record ChangeNodeAddress(NodeId Node, string RaftAddress, string PublicAddress) : PlacementCommand;

/// <summary>
/// Starts the move of a shard's replica from one node to another. If the same move is already under way, the command changes nothing. The rule
/// assigns the incarnation of the new replica, because only the state contains the incarnations used so far.
/// </summary>
/// <param name="Shard">The shard.</param>
/// <param name="From">The node that loses the replica.</param>
/// <param name="To">The node that receives one instead.</param>
/// <param name="AtMs">The proposer's clock, Unix milliseconds, for the history; 0: not given.</param>
public sealed record StartMove(ShardId Shard, NodeId From, NodeId To, long AtMs = 0) : PlacementCommand;

/// <summary>Cancels the move of a shard. The move ends when its driver proposes <see cref="FinishMove"/>.</summary>
public sealed record CancelMove(ShardId Shard) : PlacementCommand;

/// <summary>The members of the group match the move or its cancellation: the shard map is updated.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="To">The new replica, which identifies the move.</param>
/// <param name="End">How the move ended.</param>
/// <param name="AtMs">The proposer's clock, Unix milliseconds, for the history; 0: not given.</param>
public sealed record FinishMove(ShardId Shard, Replica To, MoveEnd End, long AtMs = 0) : PlacementCommand;

/// <summary>A process asks to become a node of the cluster. A repeated request from the same data directory changes nothing.</summary>
/// <param name="Node">With the standing <see cref="NodeStanding.Joined"/> and an instance.</param>
/// <param name="TakesAddressesOf">A node that is away, and whose addresses the new node uses now; default: none.</param>
public sealed record JoinNode(NodeDescriptor Node, NodeId TakesAddressesOf = default) : PlacementCommand;

/// <summary>A node reports its data directory and its addresses. The first instance that it reports is permanent.</summary>
public sealed record RegisterNode(NodeId Node, Guid Instance, string RaftAddress, string PublicAddress) : PlacementCommand;

/// <summary>Adds changes for the next plan.</summary>
public sealed record StageChanges(ImmutableArray<TopologyChange> Changes) : PlacementCommand
{
    public bool Equals(StageChanges? other) => other is not null && Changes.AsSpan().SequenceEqual(other.Changes.AsSpan());

    public override int GetHashCode() => Changes.Length;
}

/// <summary>Discards the staged changes.</summary>
public sealed record ClearPlan : PlacementCommand;

/// <summary>
/// Commits a plan: the changes of nodes take effect, and the moves are queued. Refused if the state is not the one from which the plan was made.
/// </summary>
public sealed record CommitPlan : PlacementCommand
{
    /// <summary>The epoch of the state from which the plan was made.</summary>
    public required Epoch Base { get; init; }

    public required ImmutableArray<TopologyChange> Changes { get; init; }

    /// <summary>In the order in which they start, unless one has to wait.</summary>
    public required ImmutableArray<PlannedMove> Moves { get; init; }

    /// <summary>The reason, for people.</summary>
    public required string Cause { get; init; }

    /// <summary>The proposer's clock, Unix milliseconds, for the history.</summary>
    public long AtMs { get; init; }

    /// <summary>The changes are the staged ones; the command removes them from the staging list.</summary>
    public bool TakesStaged { get; init; }

    public bool Equals(CommitPlan? other) =>
        other is not null && Base == other.Base && Cause == other.Cause && AtMs == other.AtMs && TakesStaged == other.TakesStaged
        && Changes.AsSpan().SequenceEqual(other.Changes.AsSpan()) && Moves.AsSpan().SequenceEqual(other.Moves.AsSpan());

    public override int GetHashCode() => Base.GetHashCode();
}

/// <summary>Drops a waiting operator, or cancels a running operator with its move.</summary>
/// <param name="Operator">Its number.</param>
/// <param name="Note">The reason, for people.</param>
/// <param name="AtMs">The proposer's clock, Unix milliseconds, for the history.</param>
public sealed record EndOperator(long Operator, string Note, long AtMs) : PlacementCommand;

/// <summary>Pauses waiting operators, or resumes them.</summary>
/// <param name="Operator">Its number; 0: all, including future ones.</param>
/// <param name="Hold">True: pause. False: resume.</param>
public sealed record HoldOperator(long Operator, bool Hold) : PlacementCommand;

/// <summary>Changes the settings of the placement driver; null leaves a setting unchanged.</summary>
public sealed record ChangeSettings : PlacementCommand
{
    /// <summary><see cref="PlacementSettings.CopyMegabytes"/>.</summary>
    public int? CopyMegabytes { get; init; }

    /// <summary><see cref="PlacementSettings.ForegroundP99Ms"/>.</summary>
    public int? ForegroundP99Ms { get; init; }

    /// <summary><see cref="PlacementSettings.MovesAtOnce"/>.</summary>
    public int? MovesAtOnce { get; init; }

    /// <summary><see cref="PlacementSettings.MovesAtOncePerNode"/>.</summary>
    public int? MovesAtOncePerNode { get; init; }
}

/// <summary>Pauses a scheduler for some time, or resumes it.</summary>
/// <param name="Scheduler">The scheduler.</param>
/// <param name="Pause">True: pause. False: resume.</param>
/// <param name="UntilMs">The end of the pause, Unix milliseconds; 0: until it is resumed.</param>
public sealed record PauseScheduler(SchedulerKind Scheduler, bool Pause, long UntilMs = 0) : PlacementCommand;

/// <summary>Starts or ends the drain of a node.</summary>
public sealed record DrainNode(NodeId Node, bool Drain) : PlacementCommand;

/// <summary>Removes a leaving node that holds no replica any more. The removal is permanent.</summary>
public sealed record RemoveNode(NodeId Node) : PlacementCommand;
