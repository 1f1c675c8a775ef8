using KvRaft.Benchmarks.Gauges;
using KvRaft.Benchmarks.Load;

namespace KvRaft.Benchmarks.Cells;

/// <summary>
/// One cell of a table; each public property is a field of a JSON line. Times are in milliseconds or microseconds, as the name states.
/// </summary>
internal sealed record CellResult
{
    public required string System { get; init; }

    public required string Cell { get; init; }

    public required string Operation { get; init; }

    /// <summary>0 for a closed loop.</summary>
    public required int ArrivalsPerSecond { get; init; }

    public required int Clients { get; init; }

    public required int ValueBytes { get; init; }

    public required double Seconds { get; init; }

    public required long Operations { get; init; }

    public required int Errors { get; init; }

    public required double Throughput { get; init; }

    public required double P50Ms { get; init; }

    public required double P95Ms { get; init; }

    public required double P99Ms { get; init; }

    public required double P999Ms { get; init; }

    public required double MaxMs { get; init; }

    /// <summary>For the three servers together.</summary>
    public required double ServerCpuMicrosPerOperation { get; init; }

    public required double GeneratorCpuMicrosPerOperation { get; init; }

    /// <summary>For the three servers together.</summary>
    public required double SyncsPerOperation { get; init; }

    /// <summary>For the three servers together, within the window.</summary>
    public required long PeakMemoryBytes { get; init; }

    public required double OtherCores { get; init; }

    public required double StolenCores { get; init; }

    public static CellResult Of(string system, Workload workload, LoadResult load, WindowCost cost)
    {
        // Without operations there is no cost per operation.
        var operations = Math.Max(1, load.Operations);
        return new CellResult
        {
            System = system,
            Cell = workload.Name,
            Operation = workload.KindText,
            ArrivalsPerSecond = workload.ArrivalsPerSecond,
            Clients = workload.Clients,
            ValueBytes = workload.ValueBytes,
            Seconds = load.Elapsed.TotalSeconds,
            Operations = load.Operations,
            Errors = load.Errors,
            Throughput = load.Throughput,
            P50Ms = load.Latency.P50,
            P95Ms = load.Latency.P95,
            P99Ms = load.Latency.P99,
            P999Ms = load.Latency.P999,
            MaxMs = load.Latency.Max,
            ServerCpuMicrosPerOperation = cost.ServerCpu.TotalMicroseconds / operations,
            GeneratorCpuMicrosPerOperation = cost.GeneratorCpu.TotalMicroseconds / operations,
            SyncsPerOperation = (double)cost.Syncs / operations,
            PeakMemoryBytes = cost.PeakMemoryBytes,
            OtherCores = cost.OtherCores,
            StolenCores = cost.StolenCores,
        };
    }
}
