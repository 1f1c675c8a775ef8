using KvRaft.Benchmarks.Clusters;
using KvRaft.Benchmarks.Gauges;
using KvRaft.Benchmarks.Load;
using KvRaft.Benchmarks.Stores;

namespace KvRaft.Benchmarks.Cells;

/// <summary>Runs one workload on one store and reads the gauges at both ends of the window.</summary>
internal static class CellRunner
{
    public static async Task<CellResult> RunAsync(
        ICluster cluster, IStore store, Workload workload, Dataset data, CancellationToken cancellationToken)
    {
        ClusterReading? opened = null, closed = null;
        var peak = 0L;
        var load = await new LoadRun(store, workload, data).RunAsync(
            async () =>
            {
                foreach (var process in cluster.Processes)
                {
                    process.ForgetPeak();
                }

                opened = await ClusterReading.TakeAsync(cluster, cancellationToken);
            },
            async () =>
            {
                closed = await ClusterReading.TakeAsync(cluster, cancellationToken);
                peak = cluster.Processes.Sum(static process => process.PeakMemoryBytes);
            },
            cancellationToken);
        if (load.Errors > 0)
        {
            await Console.Error.WriteLineAsync($"{store.Name}, {workload.Name}: {load.Errors} operations failed, the first with: {load.FirstError}");
        }

        return CellResult.Of(store.Name, workload, load, WindowCost.Between(opened!, closed!, peak));
    }
}
