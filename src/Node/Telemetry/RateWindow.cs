namespace KvRaft.Node.Telemetry;

/// <summary>
/// The recent rate of an event: a count for each of the last ten complete seconds. Recording is one interlocked addition and no allocation. Thread-safe; a
/// count at the border of two seconds may be lost.
/// </summary>
internal sealed class RateWindow(TimeProvider time)
{
    /// <summary>Long enough that a burst is not taken for a steady rate, short enough that a component that decides by it sees a change at its second check.</summary>
    public const int Seconds = 10;

    // One more for the current second.
    private readonly Second[] _seconds = [.. Enumerable.Range(0, Seconds + 1).Select(static _ => new Second())];

    /// <summary>Of the last ten complete seconds; for an event that began less than ten seconds ago it is lower than the true rate.</summary>
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
