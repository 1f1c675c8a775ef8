using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Raft.Proposals;

/// <summary>The result of a proposal. Every status except <see cref="Applied"/> and <see cref="Unknown"/> guarantees that it was not executed.</summary>
public enum ProposalStatus
{
    /// <summary>Committed and applied; the outcome is the state machine's result.</summary>
    Applied,

    /// <summary>This replica does not lead; not executed.</summary>
    NotLeader,

    /// <summary>The queue is full; not executed.</summary>
    Overloaded,

    /// <summary>The caller gave up before it was proposed; not executed.</summary>
    Expired,

    /// <summary>It exceeds the maximum size of an entry; not executed.</summary>
    TooLarge,

    /// <summary>The replica is stopping; not executed.</summary>
    Stopped,

    /// <summary>The disk of the node's log is full; not executed.</summary>
    NoRoom,

    /// <summary>It was proposed, and its outcome is unknown here: it may take effect later, once, or never.</summary>
    Unknown,
}

/// <summary>The result of a proposal.</summary>
/// <param name="Status">The status of the proposal.</param>
/// <param name="Outcome">The state machine's result if <see cref="ProposalStatus.Applied"/>, otherwise null.</param>
/// <param name="Position">The position at which it was applied, if it was.</param>
/// <param name="Leader">The leader in this replica's view, as a hint.</param>
public readonly record struct ProposalResult(ProposalStatus Status, Outcome? Outcome, LogPosition Position, NodeId? Leader);
