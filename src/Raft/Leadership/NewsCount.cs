namespace KvRaft.Raft.Leadership;

/// <summary>
/// Whether a leader has something to tell its followers, apart from new entries, which it sends at once: how far it has committed, and that it is there, to whoever was away.
/// News is told at several beats, because each may be lost; then the group is quiet and costs next to nothing. One at a time; <see cref="Repeat"/> any thread.
/// </summary>
internal sealed class NewsCount
{
    /// <summary>At 0.4 s each, two seconds: as long as any follower that was sent an entry in between may take to answer or to connect anew.</summary>
    public const int Repeats = 5;

    private long _lastIndex = -1;
    private long _commitIndex = -1;
    private int _left;

    public void Repeat() => Volatile.Write(ref _left, Repeats);

    /// <summary>True if a round is due.</summary>
    /// <param name="lastIndex">Of the leader's log.</param>
    /// <param name="commitIndex">What the leader has committed.</param>
    /// <param name="mayBeQuiet">Every voter's node is heard and will not miss the leader. While one is silent, every beat is a try.</param>
    public bool Beat(long lastIndex, long commitIndex, bool mayBeQuiet)
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
