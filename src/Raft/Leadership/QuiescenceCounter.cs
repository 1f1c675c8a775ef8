namespace KvRaft.Raft.Leadership;

/// <summary>
/// Decides whether a leader has news for its followers, apart from new entries, which it sends at once: its commit index, and its presence, for a follower that was away.
/// News is sent at several heartbeat intervals, because a message may be lost; then the group is quiesced and costs almost nothing. One caller at a time; <see cref="Repeat"/> any thread.
/// </summary>
internal sealed class QuiescenceCounter
{
    /// <summary>At 0.4 s each, two seconds: the longest time in which a follower that received an entry may answer or reconnect.</summary>
    public const int Repeats = 5;

    private long _lastIndex = -1;
    private long _commitIndex = -1;
    private int _left;

    public void Repeat() => Volatile.Write(ref _left, Repeats);

    /// <summary>True if a round is due.</summary>
    /// <param name="lastIndex">Of the leader's log.</param>
    /// <param name="commitIndex">The commit index of the leader.</param>
    /// <param name="mayBeQuiet">Every voter's node answers and will not miss the leader. While one is silent, every heartbeat interval is an attempt.</param>
    public bool OnHeartbeat(long lastIndex, long commitIndex, bool mayBeQuiet)
    {
        if (!mayBeQuiet || lastIndex != _lastIndex || commitIndex != _commitIndex)
        {
            (_lastIndex, _commitIndex) = (lastIndex, commitIndex);
            Repeat();
        }

        if (Volatile.Read(ref _left) <= 0)
        {
            return false;
        }

        Interlocked.Decrement(ref _left);
        return true;
    }
}
