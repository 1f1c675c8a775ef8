using HdrHistogram;

namespace KvRaft.Benchmarks.Load;

/// <summary>The usual percentiles of a distribution, milliseconds.</summary>
internal readonly record struct Latency(double P50, double P95, double P99, double P999, double Max)
{
    /// <summary>1 minute, in microseconds: longer times are recorded as this.</summary>
    private const long LongestMicros = 60_000_000;

    /// <summary>3 digits: the error of a value is at most 0.1 %.</summary>
    private const int Digits = 3;

    private const double MicrosPerMs = 1000;

    /// <summary>A thread-safe histogram, in microseconds.</summary>
    public static HistogramBase NewHistogram() => new LongConcurrentHistogram(1, LongestMicros, Digits);

    public static void Record(HistogramBase histogram, TimeSpan taken) =>
        histogram.RecordValue(Math.Clamp((long)taken.TotalMicroseconds, 1, LongestMicros));

    public static Latency Of(HistogramBase histogram) => new(
        histogram.GetValueAtPercentile(50) / MicrosPerMs,
        histogram.GetValueAtPercentile(95) / MicrosPerMs,
        histogram.GetValueAtPercentile(99) / MicrosPerMs,
        histogram.GetValueAtPercentile(99.9) / MicrosPerMs,
        histogram.TotalCount == 0 ? 0 : histogram.GetMaxValue() / MicrosPerMs);
}
