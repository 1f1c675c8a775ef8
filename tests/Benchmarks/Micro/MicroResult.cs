namespace KvRaft.Benchmarks.Micro;

/// <summary>One line of the micro benchmarks.</summary>
/// <param name="Name">What was measured.</param>
/// <param name="Operations">Operations per round.</param>
/// <param name="MedianMicros">Microseconds per operation: the median of the rounds.</param>
/// <param name="SpreadPercent">Distance between the rounds' quartiles, in per cent of the median: how far to believe it.</param>
/// <param name="BytesAllocated">Managed bytes allocated per operation, on all threads.</param>
/// <param name="Note">Whatever else this benchmark counts.</param>
internal sealed record MicroResult(string Name, long Operations, double MedianMicros, double SpreadPercent, double BytesAllocated, string Note)
{
    public double PerSecond => 1_000_000 / MedianMicros;
}
