using System.Diagnostics;
using KvRaft.Benchmarks.Clusters;

namespace KvRaft.Benchmarks.Gauges;

/// <summary>Reads everything that is read twice, at the start and the end of a window.</summary>
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

/// <summary>What a window cost.</summary>
/// <param name="ServerCpu">CPU time of the three servers.</param>
/// <param name="GeneratorCpu">CPU time of this process.</param>
/// <param name="Syncs">fdatasyncs of the servers.</param>
/// <param name="PeakMemoryBytes">The servers' highest resident memory, summed.</param>
/// <param name="OtherCores">
/// Cores busy with neither servers nor generator. The kernel's own threads, which write what was synced, are in it: 0.1 to 0.2 on an idle
/// machine.
/// </param>
/// <param name="StolenCores">Cores this machine wanted and did not get.</param>
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

            // Ticks of different files are not read at one instant, so that the difference may come out just below nothing.
            Math.Max(0, (machine.Busy - servers - generator) / elapsed),
            machine.Stolen / elapsed);
    }
}
