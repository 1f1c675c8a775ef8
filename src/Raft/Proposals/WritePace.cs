namespace KvRaft.Raft.Proposals;

/// <summary>
/// Slows the writers of a node while its log is kept longer than usual for a replica that catches up: without it, writers that are faster than a copy would
/// leave the replica behind for ever, and with it the group without its third voter. The closer the log comes to its bound, the slower writers are; they are never
/// stopped, and nothing is slowed while nobody catches up. All groups of the node share the pace. Thread-safe.
/// </summary>
internal sealed class WritePace(long logBytesMax, long logBytesRetainedMax, TimeProvider time)
{
    /// <summary>When the log is hardly larger than usual: more than one disk takes.</summary>
    public const long BytesPerSecondMax = 256L << 20;

    /// <summary>At the bound and beyond: below what any disk and network copy, so that the replica gains on the writers.</summary>
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

        // Each step towards the bound takes the same part of the pace away.
        var share = Math.Min(1, (double)(logBytes - logBytesMax) / (logBytesRetainedMax - logBytesMax));
        return (long)(BytesPerSecondMax * Math.Pow((double)BytesPerSecondMin / BytesPerSecondMax, share));
    }

    /// <summary>How long the next entry must wait after one of so many bytes.</summary>
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
