using KvRaft.Raft.Background;
using KvRaft.Raft.Log;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Raft.Membership;

/// <summary>
/// A replica of a group as its parts see it: enough to send messages in its name and to decide by its state. Each part that also changes the replica has its
/// own interface. Members may be called from any thread; values may change between two calls.
/// </summary>
internal interface IGroup
{
    GroupId Id { get; }

    int Incarnation { get; }

    /// <summary>The leader's node in this replica's view.</summary>
    NodeId? Leader { get; }

    bool IsLeader { get; }

    bool IsMember { get; }

    bool IsRunning { get; }

    long Term { get; }

    long CommitIndex { get; }

    GroupLog Log { get; }

    IReplicatedStateMachine Machine { get; }

    /// <summary>Owns the background work.</summary>
    BackgroundTasks Background { get; }

    IReadOnlyList<GroupVoter> Voters();

    /// <summary>Completes once the entry at the index is applied on this replica.</summary>
    ValueTask WaitForApplyAsync(long index, CancellationToken cancellationToken);
}
