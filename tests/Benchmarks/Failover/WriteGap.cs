using System.Diagnostics;

namespace KvRaft.Benchmarks.Failover;

/// <summary>The longest time between two consecutive acknowledged writes. Thread-safe.</summary>
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

    /// <summary>Resets everything except the time of the last acknowledgement, so that the current gap is measured completely.</summary>
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
