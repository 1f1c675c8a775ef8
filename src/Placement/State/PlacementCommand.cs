using System.Collections.Immutable;
using KvRaft.Topology;

namespace KvRaft.Placement.State;

/// <summary>
/// A change of group 0, as it stands in the log. A command carries decisions, not questions: whatever was computed (which
/// node holds which shard) was computed by the proposer, so that a replica with a newer algorithm applies an old entry alike.
/// </summary>
public abstract record PlacementCommand;

/// <summary>Founds the cluster. Every initial node may propose it; the first wins, and an equal one changes nothing.</summary>
public sealed record InitCluster : PlacementCommand
{
    public required Guid ClusterId { get; init; }

    /// <summary>By name.</summary>
    public required ImmutableArray<NodeDescriptor> Nodes { get; init; }

    public required int ReplicationFactor { get; init; }

    /// <summary>Seed of <see cref="KeyHash"/>.</summary>
    public required ulong HashSeed { get; init; }

    /// <summary>
    /// Drawn at random by the proposer, <see cref="ContextKey.SecretBytes"/> bytes: the cluster's first <see cref="ContextKey"/>. The founding that is applied first
    /// decides; one that differs in nothing else is the same founding.
    /// </summary>
    public required ImmutableArray<byte> ContextSecret { get; init; }

    /// <summary>The nodes of each shard, by shard number.</summary>
    public required ImmutableArray<ImmutableArray<NodeId>> Shards { get; init; }

    public int ShardCount => Shards.Length;

    /// <summary>The command for a new cluster; the shards are assigned here.</summary>
    /// <exception cref="ArgumentException">
    /// No nodes, a name twice, a weight out of bounds, fewer nodes than replicas, or a shard count that is no power of two.
    /// </exception>
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

/// <summary>Registers a keyspace. Creating one that is already there with the same properties changes nothing.</summary>
public sealed record CreateKeyspace(string Name) : PlacementCommand
{
    public KeyspaceMode Mode { get; init; } = KeyspaceMode.Strong;

    public RoutingRule Routing { get; init; } = RoutingRule.WholeKey;

    /// <summary>Milliseconds; 0 = values without an expiry of their own live for ever.</summary>
    public long TtlDefaultMs { get; init; }

    /// <summary>Milliseconds; 0 = values may live for ever.</summary>
    public long TtlMaxMs { get; init; }

    /// <summary>Bytes; 0 = the node's limit.</summary>
    public int ValueBytesMax { get; init; }

    /// <summary>Set exactly for eventual keyspaces.</summary>
    public EventualPolicy? Eventual { get; init; }
}

/// <summary>Changes what may change of a keyspace; null leaves a property as it is.</summary>
public sealed record AlterKeyspace(string Name) : PlacementCommand
{
    public long? TtlDefaultMs { get; init; }

    public long? TtlMaxMs { get; init; }

    public int? ValueBytesMax { get; init; }

    /// <summary>Only for eventual keyspaces.</summary>
    public EventualChange? Eventual { get; init; }
}

/// <summary>Takes a keyspace out of the registry. Its id is never given again; its data is removed by the shards.</summary>
public sealed record DropKeyspace(string Name) : PlacementCommand;

/// <summary>A node is reached elsewhere now. Its identity and its replicas stay.</summary>
public sealed record ChangeNodeAddress(NodeId Node, string RaftAddress, string PublicAddress) : PlacementCommand;

/// <summary>
/// A replica of a shard shall go from one node to another. The same again, while it is under way, changes nothing. The new replica's
/// incarnation is given by the rule, because only the state knows which were given before.
/// </summary>
/// <param name="Shard">Which shard.</param>
/// <param name="From">Whose replica goes.</param>
/// <param name="To">Who gets one instead.</param>
/// <param name="AtMs">The proposer's clock, Unix milliseconds, for the record; 0: it did not say.</param>
public sealed record StartMove(ShardId Shard, NodeId From, NodeId To, long AtMs = 0) : PlacementCommand;

/// <summary>The move of a shard shall be undone. It is over when its driver says <see cref="FinishMove"/>.</summary>
public sealed record CancelMove(ShardId Shard) : PlacementCommand;

/// <summary>The group's members are as the move, or its cancelling, wanted them: the shard map follows.</summary>
/// <param name="Shard">Which shard.</param>
/// <param name="To">The coming replica, which names the move.</param>
/// <param name="End">How it ended.</param>
/// <param name="AtMs">The proposer's clock, Unix milliseconds, for the record; 0: it did not say.</param>
public sealed record FinishMove(ShardId Shard, Replica To, MoveEnd End, long AtMs = 0) : PlacementCommand;

/// <summary>A process wants to be a node of the cluster. The same again, from the same data directory, changes nothing.</summary>
/// <param name="Node">Standing <see cref="NodeStanding.Joined"/>, and with an instance.</param>
/// <param name="TakesAddressesOf">A node that is known to be away, whose addresses the new one has now; default: none.</param>
public sealed record JoinNode(NodeDescriptor Node, NodeId TakesAddressesOf = default) : PlacementCommand;

/// <summary>A node tells which data directory it has, and where it is reached. The first instance it tells is its own for ever.</summary>
public sealed record RegisterNode(NodeId Node, Guid Instance, string RaftAddress, string PublicAddress) : PlacementCommand;

/// <summary>Adds to what the next plan shall change.</summary>
public sealed record StageChanges(ImmutableArray<TopologyChange> Changes) : PlacementCommand
{
    public bool Equals(StageChanges? other) => other is not null && Changes.AsSpan().SequenceEqual(other.Changes.AsSpan());

    public override int GetHashCode() => Changes.Length;
}

/// <summary>Forgets what is staged.</summary>
public sealed record ClearPlan : PlacementCommand;

/// <summary>
/// Makes a plan the cluster's: the changes of nodes take effect, and the moves wait to be made. Refused if the state is not the one the plan was
/// made from.
/// </summary>
public sealed record CommitPlan : PlacementCommand
{
    /// <summary>Of the state the plan was made from.</summary>
    public required Epoch Base { get; init; }

    public required ImmutableArray<TopologyChange> Changes { get; init; }

    /// <summary>In the order in which they are made, as far as nothing holds one up.</summary>
    public required ImmutableArray<PlannedMove> Moves { get; init; }

    /// <summary>Why, for people.</summary>
    public required string Cause { get; init; }

    /// <summary>The proposer's clock, Unix milliseconds, for the record.</summary>
    public long AtMs { get; init; }

    /// <summary>The changes are those that are staged, which are staged no more then.</summary>
    public bool TakesStaged { get; init; }

    public bool Equals(CommitPlan? other) =>
        other is not null && Base == other.Base && Cause == other.Cause && AtMs == other.AtMs && TakesStaged == other.TakesStaged
        && Changes.AsSpan().SequenceEqual(other.Changes.AsSpan()) && Moves.AsSpan().SequenceEqual(other.Moves.AsSpan());

    public override int GetHashCode() => Base.GetHashCode();
}

/// <summary>An operator that waits shall not be carried out; one whose move runs is cancelled with it.</summary>
/// <param name="Operator">Its number.</param>
/// <param name="Note">Why, for people.</param>
/// <param name="AtMs">The proposer's clock, Unix milliseconds, for the record.</param>
public sealed record EndOperator(long Operator, string Note, long AtMs) : PlacementCommand;

/// <summary>Operators that wait go on waiting, or may go on.</summary>
/// <param name="Operator">Its number; 0: all, also those to come.</param>
/// <param name="Hold">Wait, or go on.</param>
public sealed record HoldOperator(long Operator, bool Hold) : PlacementCommand;

/// <summary>Changes how the placement driver works; null leaves a setting as it is.</summary>
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

/// <summary>A scheduler does nothing for a while, or may go on.</summary>
/// <param name="Scheduler">Which.</param>
/// <param name="Pause">Wait, or go on.</param>
/// <param name="UntilMs">With a pause: until when, Unix milliseconds; 0: until it is resumed.</param>
public sealed record PauseScheduler(SchedulerKind Scheduler, bool Pause, long UntilMs = 0) : PlacementCommand;

/// <summary>A node is drained, or is not any more.</summary>
public sealed record DrainNode(NodeId Node, bool Drain) : PlacementCommand;

/// <summary>A node that was to leave, and holds nothing any more, is gone for good.</summary>
public sealed record RemoveNode(NodeId Node) : PlacementCommand;
