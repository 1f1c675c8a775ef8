using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Raft.Proposals;

/// <summary>What became of a proposal. Everything but <see cref="Applied"/> and <see cref="Unknown"/> is certain not to have been executed.</summary>
public enum ProposalStatus
{
    /// <summary>Committed and applied; the outcome is the state machine's answer.</summary>
    Applied,

    /// <summary>This replica does not lead; not executed.</summary>
    NotLeader,

    /// <summary>The queue is full; not executed.</summary>
    Overloaded,

    /// <summary>The caller gave up before it was proposed; not executed.</summary>
    Expired,

    /// <summary>It is larger than an entry may be; not executed.</summary>
    TooLarge,

    /// <summary>The replica is stopping; not executed.</summary>
    Stopped,

    /// <summary>The node's log has no room for it on its disk; not executed.</summary>
    NoRoom,

    /// <summary>It was proposed, and its fate is not known here: it may still take effect, once, or never.</summary>
    Unknown,
}

/// <summary>The answer to a proposal.</summary>
/// <param name="Status">What became of it.</param>
/// <param name="Outcome">The state machine's answer when <see cref="ProposalStatus.Applied"/>, else null.</param>
/// <param name="Position">Where it was applied, when it was.</param>
/// <param name="Leader">Who leads as far as this replica knows, as a hint.</param>
public readonly record struct ProposalResult(ProposalStatus Status, Outcome? Outcome, LogPosition Position, NodeId? Leader);
