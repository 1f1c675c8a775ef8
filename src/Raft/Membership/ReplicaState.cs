using KvRaft.Raft.Consensus;

namespace KvRaft.Raft.Membership;

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
