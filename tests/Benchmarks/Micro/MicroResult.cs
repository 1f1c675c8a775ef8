namespace KvRaft.Benchmarks.Micro;

/// <summary>One line of the micro benchmarks.</summary>
/// <param name="Name">The name of the benchmark.</param>
/// <param name="Operations">Operations per round.</param>
/// <param name="MedianMicros">Microseconds per operation: the median of the rounds.</param>
/// <param name="SpreadPercent">The interquartile range of the rounds in per cent of the median: the precision of the median.</param>
/// <param name="BytesAllocated">Managed bytes allocated per operation, on all threads.</param>
/// <param name="Note">Other counts of this benchmark.</param>
internal sealed record MicroResult(string Name, long Operations, double MedianMicros, double SpreadPercent, double BytesAllocated, string Note)
{
    public double PerSecond => 1_000_000 / MedianMicros;
}
