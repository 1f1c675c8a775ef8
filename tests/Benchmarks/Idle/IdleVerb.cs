using System.CommandLine;
using KvRaft.Benchmarks.Cells;
using KvRaft.Benchmarks.Clusters;
using KvRaft.Benchmarks.Gauges;

namespace KvRaft.Benchmarks.Idle;

/// <summary><c>idle</c>: the cost of groups without requests.</summary>
internal static class IdleVerb
{
    private const double BytesPerMiB = 1 << 20;

    public static Command Create()
    {
        var shards = Verbs.Several("--shards", [1, 16, 64, 256], "Numbers of shards to try, each a power of two; a cluster is started for each.");
        var settle = Verbs.Seconds("--settle", 60, "Seconds to let elections and start-up work end; after 10 the runtime is still compiling, which doubles the figure.");
        var seconds = Verbs.Seconds("--seconds", 30, "Seconds measured.");
        var data = Verbs.Data();
        var json = Verbs.Json();
        var command = new Command("idle", "CPU and memory of idle groups on three kvraft processes, and the slope from one number of groups to the next.")
        {
            shards, settle, seconds, data, json,
        };
        command.Runs(async (parsed, cancel) =>
        {
            var lines = new JsonLines(parsed.GetValue(json));
            var results = new List<IdleResult>();
            foreach (var count in parsed.GetRequiredValue(shards).Order())
            {
                var result = await MeasureAsync(
                    parsed.GetRequiredValue(data),
                    count,
                    TimeSpan.FromSeconds(parsed.GetValue(settle)),
                    TimeSpan.FromSeconds(parsed.GetValue(seconds)),
                    cancel);
                results.Add(result);
                lines.Add("idle", result);
            }

            Console.WriteLine(Table(results));
        });
        return command;
    }

    private static async Task<IdleResult> MeasureAsync(string data, int shards, TimeSpan settle, TimeSpan time, CancellationToken cancellationToken)
    {
        await using var cluster = await KvRaftCluster.StartAsync(data, shards, cancellationToken);
        await Task.Delay(settle, cancellationToken);
        var opened = await ClusterReading.TakeAsync(cluster, cancellationToken);
        await Task.Delay(time, cancellationToken);
        var closed = await ClusterReading.TakeAsync(cluster, cancellationToken);
        var cost = WindowCost.Between(opened, closed, 0);
        return new IdleResult(
            shards,
            cost.ServerCpu.TotalMilliseconds / time.TotalSeconds,
            cluster.Processes.Sum(static process => process.MemoryBytes),
            cost.Syncs / time.TotalSeconds,
            cost.OtherCores,
            cost.StolenCores);
    }

    private static string Table(IReadOnlyList<IdleResult> results)
    {
        var table = new TextTable(
            "groups", "CPU ms/s", "per replica µs/s", "slope µs/s", "memory MiB", "slope MiB per replica", "syncs/s", "other cores", "stolen");
        for (var i = 0; i < results.Count; i++)
        {
            var result = results[i];
            var before = i == 0 ? null : results[i - 1];
            table.Add(
                $"{result.Groups}",
                TextTable.Number(result.CpuMsPerSecond),
                TextTable.Number(result.CpuMicrosPerReplica),
                before is null ? "" : TextTable.Number(result.CpuSlopeMicros(before)),
                TextTable.Number(result.MemoryBytes / BytesPerMiB),
                before is null ? "" : TextTable.Number(result.MemorySlopeBytes(before) / BytesPerMiB),
                TextTable.Number(result.SyncsPerSecond),
                TextTable.Number(result.OtherCores),
                TextTable.Number(result.StolenCores));
        }

        return table.ToString();
    }
}
