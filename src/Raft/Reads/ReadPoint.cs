using KvRaft.Raft.Consensus;

namespace KvRaft.Raft.Reads;

/// <summary>
/// The wait condition of a read of a leader's state: the decision in the ReadIndex protocol (<see cref="ReadBarrier"/> is the protocol, sends the requests and waits).
/// <para>
/// The term is one that this replica won: a deposed leader may have its successor's term before it stops leading, and a majority would confirm that
/// term. The commit index is used only if its entry is of that term: a new leader may not have its predecessor's commit index, and waits for
/// all entries in its log instead.
/// </para>
/// </summary>
/// <param name="Term">A majority must confirm, from now on, that it has seen no higher term.</param>
/// <param name="Index">The index that must be applied before the state is read.</param>
internal readonly record struct ReadPoint(long Term, long Index)
{
    /// <summary>Null: this replica does not lead.</summary>
    /// <param name="log">The log of this replica.</param>
    /// <param name="termAt">The term of an entry; null if the log has truncated it, which may happen at any moment.</param>
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

    /// <summary>The check after the proof: if leadership was lost and won again in between, a stale index could pass.</summary>
    public bool StillHolds(GroupAuditTrail log) => log.Term == Term;
}
