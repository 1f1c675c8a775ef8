using System.Numerics;

namespace KvRaft.Node.Telemetry;

/// <summary>A summary of the measurements of the last seconds.</summary>
/// <param name="Count">The number of measurements.</param>
/// <param name="P50">No more than half took longer; at most a quarter above the true value.</param>
/// <param name="P99">No more than a hundredth took longer; at most a quarter above the true value.</param>
internal readonly record struct LatencySummary(long Count, TimeSpan P50, TimeSpan P99);

/// <summary>
/// Recent durations: counts by logarithmic bucket, for each of the last few seconds. Recording is two interlocked additions and no
/// allocation. Thread-safe; a count at the border of two seconds may be lost, which does not affect a percentile.
/// </summary>
internal sealed class LatencyWindow
{
    /// <summary>Complete seconds in a summary, besides the current one: a single second has too few calls of an idle node for a 99th percentile.</summary>
    private const int Seconds = 3;

    /// <summary>Buckets of each power of two of microseconds: the bounds are at most a quarter apart.</summary>
    private const int PerPower = 4;

    /// <summary>2^27 µs are two minutes; every longer call has failed.</summary>
    private const int Powers = 27;

    private readonly TimeProvider _time;
    private readonly Second[] _seconds = [.. Enumerable.Range(0, Seconds + 1).Select(static _ => new Second())];

    public LatencyWindow(TimeProvider time) => _time = time;

    /// <param name="begun">The moment of its start, of the clock's timestamps.</param>
    public void Record(long begun)
    {
        var now = _time.GetTimestamp();
        var second = SecondOf(now);
        var slot = _seconds[second % _seconds.Length];
        var known = Volatile.Read(ref slot.Number);
        if (known != second && Interlocked.CompareExchange(ref slot.Number, second, known) == known)
        {
            Array.Clear(slot.Counts);
        }

        Interlocked.Increment(ref slot.Counts[BucketOf((long)_time.GetElapsedTime(begun, now).TotalMicroseconds)]);
    }

    public LatencySummary Summary()
    {
        var second = SecondOf(_time.GetTimestamp());
        var counts = new long[PerPower * Powers];
        foreach (var slot in _seconds.Where(slot => Volatile.Read(ref slot.Number) is var number && number >= 0 && second - number <= Seconds))
        {
            for (var i = 0; i < counts.Length; i++)
            {
                counts[i] += Volatile.Read(ref slot.Counts[i]);
            }
        }

        var total = counts.Sum();
        return new LatencySummary(total, At(counts, total, 0.5), At(counts, total, 0.99));
    }

    private static TimeSpan At(long[] counts, long total, double part)
    {
        var left = (long)Math.Ceiling(total * part);
        for (var i = 0; i < counts.Length && total > 0; i++)
        {
            if ((left -= counts[i]) <= 0)
            {
                return TimeSpan.FromMicroseconds(UpperBound(i));
            }
        }

        return TimeSpan.Zero;
    }

    private static int BucketOf(long micros)
    {
        if (micros < PerPower)
        {
            return (int)Math.Max(0, micros);
        }

        var power = BitOperations.Log2((ulong)micros);
        return Math.Min((PerPower * (power - 1)) + (int)((micros >> (power - 2)) & (PerPower - 1)), (PerPower * Powers) - 1);
    }

    private static long UpperBound(int bucket)
    {
        if (bucket < PerPower)
        {
            return bucket;
        }

        var (power, part) = ((bucket / PerPower) + 1, bucket % PerPower);
        return ((long)(PerPower + part + 1) << (power - 2)) - 1;
    }

    private long SecondOf(long timestamp) => timestamp / _time.TimestampFrequency;

    private sealed class Second
    {
        public long Number = -1;

        public long[] Counts { get; } = new long[PerPower * Powers];
    }
}
