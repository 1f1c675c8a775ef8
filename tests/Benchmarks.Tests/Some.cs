using KvRaft.Benchmarks.Cells;

namespace KvRaft.Benchmarks.Tests;

internal static class Some
{
    public static CellResult Cell(
        string system = "etcd", string name = "put 100 @64", double throughput = 1000, double p99Ms = 10, double other = 0, double stolen = 0, int clients = 64) => new()
        {
            System = system,
            Cell = name,
            Operation = "put",
            ArrivalsPerSecond = 0,
            Clients = clients,
            ValueBytes = 100,
            Seconds = 5,
            Operations = (long)(5 * throughput),
            Errors = 0,
            Throughput = throughput,
            P50Ms = p99Ms / 2,
            P95Ms = p99Ms * 0.9,
            P99Ms = p99Ms,
            P999Ms = p99Ms * 2,
            MaxMs = p99Ms * 3,
            ServerCpuMicrosPerOperation = 200,
            GeneratorCpuMicrosPerOperation = 50,
            SyncsPerOperation = 0,
            PeakMemoryBytes = 100 << 20,
            OtherCores = other,
            StolenCores = stolen,
        };
}
