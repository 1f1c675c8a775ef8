namespace KvRaft.Benchmarks.Failover;

/// <param name="System">The system.</param>
/// <param name="GapsMs">One per kill, milliseconds.</param>
internal sealed record FailoverResult(string System, IReadOnlyList<double> GapsMs);
