using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Placement.State;

/// <summary>What applying a <see cref="PlacementCommand"/> answered; equal on all replicas.</summary>
public abstract class PlacementOutcome : Outcome
{
    private protected PlacementOutcome()
    {
    }
}

/// <summary>The cluster exists, founded by this command or by an equal one before it.</summary>
public sealed class ClusterInitialized(Guid clusterId) : PlacementOutcome
{
    public Guid ClusterId { get; } = clusterId;

    public override string ToString() => $"cluster {ClusterId}";
}

/// <summary>The keyspace is registered.</summary>
/// <param name="keyspace">As registered.</param>
/// <param name="existed">It was there before, the same in everything but its id.</param>
/// <param name="epoch">The epoch that holds it.</param>
public sealed class KeyspaceCreated(KeyspaceDescriptor keyspace, bool existed, Epoch epoch) : PlacementOutcome
{
    public KeyspaceDescriptor Keyspace { get; } = keyspace;

    public bool Existed { get; } = existed;

    public Epoch Epoch { get; } = epoch;

    public override string ToString() => $"{(Existed ? "existing" : "created")} {Keyspace} at epoch {Epoch}";
}

/// <summary>The keyspace is as the command wanted it.</summary>
public sealed class KeyspaceAltered(KeyspaceDescriptor keyspace, Epoch epoch) : PlacementOutcome
{
    public KeyspaceDescriptor Keyspace { get; } = keyspace;

    public Epoch Epoch { get; } = epoch;

    public override string ToString() => $"altered {Keyspace} at epoch {Epoch}";
}

/// <summary>The keyspace is gone as of an epoch.</summary>
public sealed class KeyspaceDropped(KeyspaceId id, Epoch epoch) : PlacementOutcome
{
    public KeyspaceId Id { get; } = id;

    public Epoch Epoch { get; } = epoch;

    public override string ToString() => $"dropped keyspace {Id} at epoch {Epoch}";
}

/// <summary>The node has the addresses the command named.</summary>
public sealed class NodeAddressChanged(NodeDescriptor node, Epoch epoch) : PlacementOutcome
{
    public NodeDescriptor Node { get; } = node;

    public Epoch Epoch { get; } = epoch;

    public override string ToString() => $"{Node} at epoch {Epoch}";
}

/// <summary>The move is desired from now on.</summary>
/// <param name="move">With the incarnation the new replica was given.</param>
/// <param name="existed">It was under way before.</param>
/// <param name="epoch">The epoch that holds it.</param>
public sealed class MoveStarted(ShardMove move, bool existed, Epoch epoch) : PlacementOutcome
{
    public ShardMove Move { get; } = move;

    public bool Existed { get; } = existed;

    public Epoch Epoch { get; } = epoch;

    public override string ToString() => $"{(Existed ? "under way" : "started")}: {Move} at epoch {Epoch}";
}

/// <summary>The move is being undone.</summary>
public sealed class MoveCancelling(ShardMove move, Epoch epoch) : PlacementOutcome
{
    public ShardMove Move { get; } = move;

    public Epoch Epoch { get; } = epoch;

    public override string ToString() => $"{Move} at epoch {Epoch}";
}

/// <summary>The move is over.</summary>
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

/// <summary>The node is as the command wanted it.</summary>
public sealed class NodeChanged(NodeDescriptor node, Epoch epoch) : PlacementOutcome
{
    public NodeDescriptor Node { get; } = node;

    public Epoch Epoch { get; } = epoch;

    public override string ToString() => $"{Node.Id} {Node.Standing} at epoch {Epoch}";
}

/// <summary>The node is gone for good.</summary>
public sealed class NodeRemoved(NodeId node, Epoch epoch) : PlacementOutcome
{
    public NodeId Node { get; } = node;

    public Epoch Epoch { get; } = epoch;

    public override string ToString() => $"removed {Node} at epoch {Epoch}";
}

/// <summary>What is staged now.</summary>
public sealed class ChangesStaged(System.Collections.Immutable.ImmutableArray<TopologyChange> staged, Epoch epoch) : PlacementOutcome
{
    public System.Collections.Immutable.ImmutableArray<TopologyChange> Staged { get; } = staged;

    public Epoch Epoch { get; } = epoch;

    public override string ToString() => $"{Staged.Length} changes staged at epoch {Epoch}";
}

/// <summary>The plan is the cluster's.</summary>
public sealed class PlanCommitted(long plan, int moves, Epoch epoch) : PlacementOutcome
{
    public long Plan { get; } = plan;

    public int Moves { get; } = moves;

    public Epoch Epoch { get; } = epoch;

    public override string ToString() => $"plan {Plan} of {Moves} moves at epoch {Epoch}";
}

/// <summary>The operator is as the command wanted it, or all of them are.</summary>
public sealed class OperatorChanged(MoveOperator? one, Epoch epoch) : PlacementOutcome
{
    /// <summary>Null: the command was for all.</summary>
    public MoveOperator? Operator { get; } = one;

    public Epoch Epoch { get; } = epoch;

    public override string ToString() => $"{Operator?.ToString() ?? "all operators"} at epoch {Epoch}";
}

/// <summary>The settings are as the command wanted them.</summary>
public sealed class SettingsChanged(PlacementSettings settings, Epoch epoch) : PlacementOutcome
{
    public PlacementSettings Settings { get; } = settings;

    public Epoch Epoch { get; } = epoch;

    public override string ToString() => $"settings changed at epoch {Epoch}";
}

/// <summary>A rule forbids the command; nothing changed.</summary>
public sealed class PlacementRefused(PlacementRefusal reason, string message, KeyspaceDescriptor? existing = null) : PlacementOutcome
{
    public PlacementRefusal Reason { get; } = reason;

    /// <summary>For people.</summary>
    public string Message { get; } = message;

    /// <summary>With <see cref="PlacementRefusal.KeyspaceExists"/>: the one that is in the way.</summary>
    public KeyspaceDescriptor? Existing { get; } = existing;

    public override string ToString() => $"refused, {Reason}: {Message}";
}

/// <summary>Why a command was refused.</summary>
public enum PlacementRefusal
{
    /// <summary>The cluster must be founded first.</summary>
    NotInitialized,

    /// <summary>The cluster was founded otherwise; the message says what differs.</summary>
    InitializedOtherwise,

    /// <summary>The command breaks a rule whatever the state; the message names the field.</summary>
    Invalid,

    /// <summary>A keyspace of that name is there, with other properties.</summary>
    KeyspaceExists,

    KeyspaceNotFound,

    /// <summary>The default keyspace cannot be dropped: requests without a name mean it.</summary>
    KeyspaceIsPermanent,

    /// <summary>The cluster has as many keyspaces as it may have.</summary>
    TooManyKeyspaces,

    NodeNotFound,

    ShardNotFound,

    /// <summary>The replica that should go is not on that node.</summary>
    NoReplicaThere,

    /// <summary>The node that should get a replica has one.</summary>
    ReplicaIsThere,

    /// <summary>Another move of the shard is under way.</summary>
    MoveUnderWay,

    /// <summary>No move of the shard is under way.</summary>
    NoMove,

    /// <summary>The name is another node's, or was one's.</summary>
    NodeExists,

    /// <summary>Another node is registered at the address.</summary>
    AddressTaken,

    /// <summary>Fewer nodes would be left than a shard has replicas.</summary>
    TooFewNodes,

    /// <summary>Moves of an earlier plan are not done yet.</summary>
    PlanUnderWay,

    /// <summary>The plan was made from another state.</summary>
    PlanIsStale,

    NoOperator,
}
