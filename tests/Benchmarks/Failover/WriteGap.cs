using System.Diagnostics;

namespace KvRaft.Benchmarks.Failover;

/// <summary>The longest time between two acknowledged writes that follow each other, whichever they are. Thread-safe.</summary>
internal sealed class WriteGap
{
    private readonly Lock _lock = new();
    private long _last = Stopwatch.GetTimestamp();
    private TimeSpan _longest;
    private long _count;

    /// <summary>Since <see cref="Begin"/>.</summary>
    public TimeSpan Longest
    {
        get
        {
            lock (_lock)
            {
                return _longest;
            }
        }
    }

    /// <summary>Since <see cref="Begin"/>.</summary>
    public long Count
    {
        get
        {
            lock (_lock)
            {
                return _count;
            }
        }
    }

    /// <summary>Forgets what was, except when the last acknowledgement came: the gap that is open now is measured whole.</summary>
    public void Begin()
    {
        lock (_lock)
        {
            _longest = TimeSpan.Zero;
            _count = 0;
        }
    }

    public void Acknowledged()
    {
        lock (_lock)
        {
            var now = Stopwatch.GetTimestamp();
            var gap = Stopwatch.GetElapsedTime(_last, now);
            _longest = gap > _longest ? gap : _longest;
            _last = now;
            _count++;
        }
    }
}
