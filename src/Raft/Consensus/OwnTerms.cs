namespace KvRaft.Raft.Consensus;

/// <summary>
/// The last term in which this process campaigned, and the last one that it won. A term that is on disk does not prove which process leads it; these two exist only in the
/// memory of the process that won.
/// <para>Not thread-safe: <see cref="GroupAuditTrail"/> changes it inside its gate. <see cref="Leading"/> may be read by any thread.</para>
/// </summary>
internal sealed class OwnTerms
{
    /// <summary>0 before this process ever campaigned.</summary>
    private long _campaigned;

    private long _leading;

    /// <summary>The last term that this process led: it won the election, and DotNext appended the term's first entry. 0 before it ever led.</summary>
    public long Leading => Volatile.Read(ref _leading);

    public void OnCampaign(long term) => _campaigned = term;

    /// <summary>The first, empty entry of a term is DotNext's signal that the term was won.</summary>
    public void OnFirstEntry(long term, long ballotTerm)
    {
        if (term == _campaigned && term == ballotTerm)
        {
            Volatile.Write(ref _leading, term);
        }
    }
}
