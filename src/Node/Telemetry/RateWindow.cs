namespace KvRaft.Node.Telemetry;

/// <summary>
/// How often something happened lately: a count for each of the last ten whole seconds. Recording is one interlocked addition and no allocation. Thread-safe; a
/// count that falls between two seconds may be lost.
/// </summary>
internal sealed class RateWindow(TimeProvider time)
{
    /// <summary>Long enough that a burst is not taken for a habit, short enough that who decides on it sees a change at its second look.</summary>
    public const int Seconds = 10;

    // One more for the second that runs.
    private readonly Second[] _seconds = [.. Enumerable.Range(0, Seconds + 1).Select(static _ => new Second())];

    /// <summary>Of the last ten whole seconds; a thing that began less than ten seconds ago looks rarer than it is.</summary>
    public double PerSecond
    {
        get
        {
            var now = Now;
            var count = _seconds.Where(slot => Volatile.Read(ref slot.Number) is var number && number >= 0 && now - number is >= 1 and <= Seconds).Sum(static slot => Volatile.Read(ref slot.Count));
            return (double)count / Seconds;
        }
    }

    public void Record()
    {
        var now = Now;
        var slot = _seconds[now % _seconds.Length];
        var known = Volatile.Read(ref slot.Number);
        if (known != now && Interlocked.CompareExchange(ref slot.Number, now, known) == known)
        {
            Volatile.Write(ref slot.Count, 0);
        }

        Interlocked.Increment(ref slot.Count);
    }

    private long Now => time.GetTimestamp() / time.TimestampFrequency;

    private sealed class Second
    {
        public long Number = -1;

        public long Count;
    }
}
