using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Placement.State;

/// <summary>The result of applying a <see cref="PlacementCommand"/>; equal on all replicas.</summary>
public abstract class PlacementOutcome : Outcome
{
    private protected PlacementOutcome()
    {
    }
}

/// <summary>The cluster exists; this command or an equal one before it initialized it.</summary>
public sealed class ClusterInitialized(Guid clusterId) : PlacementOutcome
{
    public Guid ClusterId { get; } = clusterId;

    public override string ToString() => $"cluster {ClusterId}";
}

/// <summary>The keyspace is registered.</summary>
/// <param name="keyspace">The registered keyspace.</param>
/// <param name="existed">It existed before with the same properties, apart from its id.</param>
/// <param name="epoch">The epoch that contains it.</param>
public sealed class KeyspaceCreated(KeyspaceDescriptor keyspace, bool existed, Epoch epoch) : PlacementOutcome
{
    public KeyspaceDescriptor Keyspace { get; } = keyspace;

    public bool Existed { get; } = existed;

    public Epoch Epoch { get; } = epoch;

    public override string ToString() => $"{(Existed ? "existing" : "created")} {Keyspace} at epoch {Epoch}";
}

/// <summary>The keyspace has the requested properties.</summary>
public sealed class KeyspaceAltered(KeyspaceDescriptor keyspace, Epoch epoch) : PlacementOutcome
{
    public KeyspaceDescriptor Keyspace { get; } = keyspace;

    public Epoch Epoch { get; } = epoch;

    public override string ToString() => $"altered {Keyspace} at epoch {Epoch}";
}

/// <summary>The keyspace does not exist from this epoch on.</summary>
public sealed class KeyspaceDropped(KeyspaceId id, Epoch epoch) : PlacementOutcome
{
    public KeyspaceId Id { get; } = id;

    public Epoch Epoch { get; } = epoch;

    public override string ToString() => $"dropped keyspace {Id} at epoch {Epoch}";
}

/// <summary>The node has the requested addresses.</summary>
public sealed class NodeAddressChanged(NodeDescriptor node, Epoch epoch) : PlacementOutcome
{
    public NodeDescriptor Node { get; } = node;

    public Epoch Epoch { get; } = epoch;

    public override string ToString() => $"{Node} at epoch {Epoch}";
}

/// <summary>The move is part of the desired state.</summary>
/// <param name="move">With the incarnation of the new replica.</param>
/// <param name="existed">It was under way before.</param>
/// <param name="epoch">The epoch that contains it.</param>
public sealed class MoveStarted(ShardMove move, bool existed, Epoch epoch) : PlacementOutcome
{
    public ShardMove Move { get; } = move;

    public bool Existed { get; } = existed;

    public Epoch Epoch { get; } = epoch;

    public override string ToString() => $"{(Existed ? "under way" : "started")}: {Move} at epoch {Epoch}";
}

/// <summary>The move is being reverted.</summary>
public sealed class MoveCancelling(ShardMove move, Epoch epoch) : PlacementOutcome
{
    public ShardMove Move { get; } = move;

    public Epoch Epoch { get; } = epoch;

    public override string ToString() => $"{Move} at epoch {Epoch}";
}

/// <summary>The move has ended.</summary>
public sealed class MoveFinished(ShardId shard, Replica to, MoveEnd end, Epoch epoch) : PlacementOutcome
{
    public ShardId Shard { get; } = shard;

    public Replica To { get; } = to;

    public MoveEnd End { get; } = end;

    public Epoch Epoch { get; } = epoch;

    public override string ToString() => $"shard {Shard} to {To}: {End} at epoch {Epoch}";
}

/// <summary>The node belongs to the cluster.</summary>
public sealed class NodeJoined(NodeDescriptor node, bool existed, Epoch epoch) : PlacementOutcome
{
    public NodeDescriptor Node { get; } = node;

    public bool Existed { get; } = existed;

    public Epoch Epoch { get; } = epoch;

    public override string ToString() => $"{(Existed ? "existing" : "joined")} {Node.Id} at epoch {Epoch}";
}

/// <summary>The node has the requested properties.</summary>
public sealed class NodeChanged(NodeDescriptor node, Epoch epoch) : PlacementOutcome
{
    public NodeDescriptor Node { get; } = node;

    public Epoch Epoch { get; } = epoch;

    public override string ToString() => $"{Node.Id} {Node.Standing} at epoch {Epoch}";
}

/// <summary>The node was removed permanently.</summary>
public sealed class NodeRemoved(NodeId node, Epoch epoch) : PlacementOutcome
{
    public NodeId Node { get; } = node;

    public Epoch Epoch { get; } = epoch;

    public override string ToString() => $"removed {Node} at epoch {Epoch}";
}

/// <summary>The staged changes.</summary>
public sealed class ChangesStaged(System.Collections.Immutable.ImmutableArray<TopologyChange> staged, Epoch epoch) : PlacementOutcome
{
    public System.Collections.Immutable.ImmutableArray<TopologyChange> Staged { get; } = staged;

    public Epoch Epoch { get; } = epoch;

    public override string ToString() => $"{Staged.Length} changes staged at epoch {Epoch}";
}

/// <summary>The plan is committed.</summary>
public sealed class PlanCommitted(long plan, int moves, Epoch epoch) : PlacementOutcome
{
    public long Plan { get; } = plan;

    public int Moves { get; } = moves;

    public Epoch Epoch { get; } = epoch;

    public override string ToString() => $"plan {Plan} of {Moves} moves at epoch {Epoch}";
}

/// <summary>The operator, or every operator, has the requested state.</summary>
public sealed class OperatorChanged(MoveOperator? one, Epoch epoch, bool hadEnded = false) : PlacementOutcome
{
    /// <summary>Null: the command applied to all operators.</summary>
    public MoveOperator? Operator { get; } = one;

    /// <summary>The operator had ended before the command, which changed nothing.</summary>
    public bool HadEnded { get; } = hadEnded;

    public Epoch Epoch { get; } = epoch;

    public override string ToString() => $"{Operator?.ToString() ?? "all operators"} at epoch {Epoch}";
}

/// <summary>The settings have the requested values.</summary>
public sealed class SettingsChanged(PlacementSettings settings, Epoch epoch) : PlacementOutcome
{
    public PlacementSettings Settings { get; } = settings;

    public Epoch Epoch { get; } = epoch;

    public override string ToString() => $"settings changed at epoch {Epoch}";
}

/// <summary>A rule refuses the command; the state is unchanged.</summary>
public sealed class PlacementRefused(PlacementRefusal reason, string message, KeyspaceDescriptor? existing = null) : PlacementOutcome
{
    public PlacementRefusal Reason { get; } = reason;

    /// <summary>For people.</summary>
    public string Message { get; } = message;

    /// <summary>With <see cref="PlacementRefusal.KeyspaceExists"/>: the existing keyspace.</summary>
    public KeyspaceDescriptor? Existing { get; } = existing;

    public override string ToString() => $"refused, {Reason}: {Message}";
}

/// <summary>The reason why a command was refused.</summary>
public enum PlacementRefusal
{
    /// <summary>The cluster is not initialized.</summary>
    NotInitialized,

    /// <summary>The cluster was initialized with other parameters; the message names the difference.</summary>
    InitializedOtherwise,

    /// <summary>The command breaks a rule that does not depend on the state; the message names the field.</summary>
    Invalid,

    /// <summary>A keyspace of that name exists with other properties.</summary>
    KeyspaceExists,

    KeyspaceNotFound,

    /// <summary>The default keyspace cannot be dropped: it is used by requests without a keyspace name.</summary>
    KeyspaceIsPermanent,

    /// <summary>The cluster has the maximum number of keyspaces.</summary>
    TooManyKeyspaces,

    NodeNotFound,

    ShardNotFound,

    /// <summary>The source node of the move has no replica of the shard.</summary>
    NoReplicaThere,

    /// <summary>The target node of the move already has a replica of the shard.</summary>
    ReplicaIsThere,

    /// <summary>Another move of the shard is under way.</summary>
    MoveUnderWay,

    /// <summary>No move of the shard is under way.</summary>
    NoMove,

    /// <summary>The name belongs to another node, or to a removed one.</summary>
    NodeExists,

    /// <summary>Another node is registered at the address.</summary>
    AddressTaken,

    /// <summary>Fewer nodes would remain than a shard has replicas.</summary>
    TooFewNodes,

    /// <summary>Moves of an earlier plan are not complete.</summary>
    PlanUnderWay,

    /// <summary>The plan was made from another state.</summary>
    PlanIsStale,

    NoOperator,
}
