namespace KvRaft.Raft.Consensus;

/// <summary>
/// Decisions of replication on which safety depends, as functions of values. A build with planted bugs compiles the version in the folder <c>Planted</c> instead, which is why each is
/// in a method of its own.
/// </summary>
internal static class ReplicationRules
{
    /// <summary>Two entries with the same index are the same entry if and only if their terms are equal (Raft, section 5.3).</summary>
    public static bool IsSame(long term, long otherTerm) => term == otherTerm;

    /// <summary>A leader appends its own entry only in a term that it won, that is not over, and behind no entry of a later term.</summary>
    /// <param name="term">The term of the entry.</param>
    /// <param name="leadingTerm">The last term that this process won.</param>
    /// <param name="ballotTerm">The term of this replica.</param>
    /// <param name="lastTerm">The term of the last entry of its log.</param>
    public static bool MayAppend(long term, long leadingTerm, long ballotTerm, long lastTerm) =>
        term == leadingTerm && term == ballotTerm && term >= lastTerm;

    /// <summary>
    /// A further run of entries may follow in the same round. DotNext puts the term before the first run into each request of the round, so a run that does not follow an
    /// entry of that term waits for the next round.
    /// </summary>
    public static bool MayContinue(long lastTerm, long? precedingTerm, TimeSpan elapsed, TimeSpan limit) => lastTerm == precedingTerm && elapsed < limit;

    /// <summary>An answer to entries up to <paramref name="last"/> covers only a part of a round that ends at <paramref name="end"/>, and so it does not count.</summary>
    public static bool IsPart(long last, long end) => last < end;
}
