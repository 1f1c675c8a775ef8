using KvRaft.Raft.Consensus;

namespace KvRaft.Raft.Membership;

/// <summary>The state of a replica.</summary>
public enum ReplicaState
{
    /// <summary>It takes part in its group.</summary>
    Running,

    /// <summary>Its log ends before the start of every other log; it fetches a checkpoint.</summary>
    CatchingUp,

    /// <summary>
    /// Its log or its state was damaged and is copied from the others. A replica without its log takes no part, because its acknowledgements are lost; a replica without its state votes and
    /// acknowledges (<see cref="ReplicaLoss"/>). It serves nothing in either case.
    /// </summary>
    Rebuilding,

    /// <summary>It stopped after a fault of this node.</summary>
    Failed,

    /// <summary>It was closed.</summary>
    Stopped,
}
