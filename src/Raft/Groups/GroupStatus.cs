using KvRaft.Raft.Catchup;
using KvRaft.Raft.Consensus;
using KvRaft.Raft.Membership;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Raft.Groups;

/// <summary>What a replica is doing, in one word.</summary>
public enum ReplicaState
{
    /// <summary>It takes part in its group.</summary>
    Running,

    /// <summary>Its log is behind everybody's start; it fetches a checkpoint.</summary>
    CatchingUp,

    /// <summary>
    /// Its log or its state was damaged and is copied from the others. With its log it lost what it promised, and it takes no part; without its state it votes and
    /// acknowledges (<see cref="ReplicaLoss"/>). It serves nothing either way.
    /// </summary>
    Rebuilding,

    /// <summary>It stopped after a fault of this node.</summary>
    Failed,

    /// <summary>It was closed.</summary>
    Stopped,
}

/// <summary>A replica at a glance. Indices are this replica's own; 0 means none.</summary>
/// <param name="IsBehind">It lacks entries that the leader's log has no more, or catches up after such a time: if another replica is lost, this one is of no help.</param>
public sealed record GroupStatus(
    GroupId Group,
    int Incarnation,
    ReplicaState State,
    bool IsLeader,
    NodeId? Leader,
    long Term,
    LogPosition LogStart,
    long LastIndex,
    long DurableIndex,
    long CommitIndex,
    LogPosition Applied,
    LogPosition StateDurable,
    IReadOnlyList<GroupVoter> Voters,
    bool IsMember,
    string? Note,
    CopyProgress? Copy = null,
    bool IsBehind = false);
