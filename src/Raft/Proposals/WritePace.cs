namespace KvRaft.Raft.Proposals;

/// <summary>
/// Slows the writers of a node while its log is kept longer than usual for a replica in catch-up. Without it, writers that are faster than a copy would
/// leave the replica behind for ever, and the group without its third voter. The closer the log comes to its bound, the slower writers are. They are never
/// stopped, and are slowed only while a replica is in catch-up. All groups of the node share the rate. Thread-safe.
/// </summary>
internal sealed class WritePace(long logBytesMax, long logBytesRetainedMax, TimeProvider time)
{
    /// <summary>The rate if the log is hardly larger than usual: more than one disk can write.</summary>
    public const long BytesPerSecondMax = 256L << 20;

    /// <summary>The rate at the bound and beyond: below the copy rate of any disk and network, so that the replica gains on the writers.</summary>
    public const long BytesPerSecondMin = 2L << 20;

    private readonly Lock _lock = new();
    private long _nextAt;

    /// <summary>Null: writers are not slowed.</summary>
    public long? BytesPerSecond(long logBytes)
    {
        if (logBytes <= logBytesMax)
        {
            return null;
        }

        // Each step towards the bound reduces the rate by the same factor.
        var share = Math.Min(1, (double)(logBytes - logBytesMax) / (logBytesRetainedMax - logBytesMax));
        return (long)(BytesPerSecondMax * Math.Pow((double)BytesPerSecondMin / BytesPerSecondMax, share));
    }

    /// <summary>The pause before the next entry, after one of this many bytes.</summary>
    public TimeSpan After(int bytes, long logBytes)
    {
        if (BytesPerSecond(logBytes) is not { } pace)
        {
            return TimeSpan.Zero;
        }

        lock (_lock)
        {
            var now = time.GetTimestamp();
            _nextAt = Math.Max(_nextAt, now) + (long)((double)bytes / pace * time.TimestampFrequency);
            return time.GetElapsedTime(now, _nextAt);
        }
    }
}
