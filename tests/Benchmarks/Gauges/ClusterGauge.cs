using System.Diagnostics;
using KvRaft.Benchmarks.Clusters;

namespace KvRaft.Benchmarks.Gauges;

/// <summary>The values that are read at the start and at the end of a window.</summary>
internal sealed record ClusterReading(long At, TimeSpan Servers, TimeSpan Generator, MachineCpu Machine, long Syncs)
{
    public static async Task<ClusterReading> TakeAsync(ICluster cluster, CancellationToken cancellationToken)
    {
        var syncs = await cluster.SyncsAsync(cancellationToken);
        return new ClusterReading(
            Stopwatch.GetTimestamp(),
            cluster.Processes.Aggregate(TimeSpan.Zero, static (sum, process) => sum + process.Cpu),
            new ProcessGauge(Environment.ProcessId).Cpu,
            MachineCpu.Now(),
            syncs);
    }
}

/// <summary>The cost of a window.</summary>
/// <param name="ServerCpu">CPU time of the three servers.</param>
/// <param name="GeneratorCpu">CPU time of this process.</param>
/// <param name="Syncs">fdatasyncs of the servers.</param>
/// <param name="PeakMemoryBytes">The sum of the peak resident memory of the servers.</param>
/// <param name="OtherCores">
/// Cores that were busy with other work than servers and generator. The kernel threads, which write synced data, are included: 0.1 to 0.2 on an idle
/// machine.
/// </param>
/// <param name="StolenCores">Cores that this machine requested and did not get from the hypervisor.</param>
internal sealed record WindowCost(
    TimeSpan ServerCpu, TimeSpan GeneratorCpu, long Syncs, long PeakMemoryBytes, double OtherCores, double StolenCores)
{
    public static WindowCost Between(ClusterReading from, ClusterReading to, long peakMemoryBytes)
    {
        var elapsed = Stopwatch.GetElapsedTime(from.At, to.At);
        var servers = to.Servers - from.Servers;
        var generator = to.Generator - from.Generator;
        var machine = to.Machine - from.Machine;
        return new WindowCost(
            servers,
            generator,
            to.Syncs - from.Syncs,
            peakMemoryBytes,

            // The tick counts of different files are not read at the same instant, so the difference may be slightly negative.
            Math.Max(0, (machine.Busy - servers - generator) / elapsed),
            machine.Stolen / elapsed);
    }
}
