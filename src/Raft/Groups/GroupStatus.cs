using KvRaft.Raft.Catchup;
using KvRaft.Raft.Membership;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Raft.Groups;

/// <summary>A summary of a replica. Indices are this replica's own; 0 means none.</summary>
/// <param name="IsBehind">It lacks entries that the leader's log has truncated, or is catching up after that. If another replica is lost, this one cannot replace it.</param>
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
