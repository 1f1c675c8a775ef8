namespace KvRaft.Raft.Consensus;

/// <summary>
/// The commit rule of one replica, as a value: the commit index follows the index that a quorum acknowledged, up to the index that this replica's own disk holds.
/// So a leader's own acknowledgement is never counted before it is durable.
/// <para>Not thread-safe: <see cref="GroupAuditTrail"/> changes it inside its gate. <see cref="Committed"/> may be read by any thread.</para>
/// </summary>
internal sealed class CommitIndexes(long applied)
{
    /// <summary>Never falls.</summary>
    private long _committed = applied;

    /// <summary>The index that a quorum acknowledged in this term, without our own disk. Never below the commit index.</summary>
    private long _quorum = applied;

    /// <summary>The commit index.</summary>
    public long Committed => Volatile.Read(ref _committed);

    /// <summary>A quorum holds the log up to this index, which is at most the last index of our log.</summary>
    public void OnQuorum(long index) => _quorum = Math.Max(_quorum, index);

    /// <summary>A quorum of an older term proves nothing about the entries that a newer leader may write there.</summary>
    public void OnNewTerm() => _quorum = _committed;

    /// <summary>The log is truncated from this index on.</summary>
    public void OnTruncated(long from) => _quorum = Math.Min(_quorum, Math.Max(_committed, from - 1));

    /// <summary>The log begins anew at a position whose entries are committed, and ends at <paramref name="lastIndex"/>.</summary>
    public void OnReset(long start, long lastIndex)
    {
        Volatile.Write(ref _committed, Math.Max(_committed, start));
        _quorum = Math.Max(_committed, Math.Min(_quorum, lastIndex));
    }

    /// <summary>The next commit index if our disk holds the log up to <paramref name="durable"/>; it may be the present one, or an earlier one.</summary>
    public long Next(long durable) => Math.Min(_quorum, durable);

    public void Commit(long index) => Volatile.Write(ref _committed, index);
}
