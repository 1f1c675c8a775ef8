using KvRaft.Raft.Consensus;

namespace KvRaft.Raft.Reads;

/// <summary>
/// What a read of a leader's state has to wait for: the decision in the ReadIndex protocol (<see cref="ReadBarrier"/> has the protocol, and asks and waits).
/// <para>
/// The term is one that this replica won: a deposed leader knows its successor's term before it stops leading, and a majority gladly says that it
/// is in no later one. The commit index is used only if its entry is of that term: a fresh leader may not know how far its predecessor committed, and waits for
/// everything in its log instead.
/// </para>
/// </summary>
/// <param name="Term">A majority must prove, begun from now on, that it is in no later term.</param>
/// <param name="Index">What must be applied before the state is read.</param>
internal readonly record struct ReadPoint(long Term, long Index)
{
    /// <summary>Null: this replica does not lead.</summary>
    /// <param name="log">Of this replica.</param>
    /// <param name="termAt">The term of an entry; null if the log has forgotten it, which it may at any moment.</param>
    public static ReadPoint? Of(GroupAuditTrail log, Func<long, long?> termAt)
    {
        var term = log.LeadingTerm;
        if (log.Term != term)
        {
            return null;
        }

        var commitIndex = log.CommitIndex;
        return new ReadPoint(term, termAt(commitIndex) == term ? commitIndex : log.LastIndex);
    }

    /// <summary>After the proof: leadership lost and won anew in between would let a stale index pass.</summary>
    public bool StillHolds(GroupAuditTrail log) => log.Term == Term;
}
