using KvRaft.Chaos.Checkers;
using KvRaft.Chaos.Cluster;
using KvRaft.Chaos.Machine;

namespace KvRaft.Chaos.Scenarios;

/// <summary>Reads the logs of stopped nodes through <c>log dump</c> of the node, and keeps the dumps in the folder of the run.</summary>
internal static class NodeLogs
{
    public static async Task<IReadOnlyList<LogRecord>> ReadAsync(ChaosCluster cluster)
    {
        var records = new List<LogRecord>();
        foreach (var node in cluster.Plan.Numbers)
        {
            var directory = Path.Combine(cluster.DataDirectory(node), "log");
            if (Directory.Exists(directory))
            {
                // Its exit code reports damage, which some faults leave on purpose; the readable part is compared all the same.
                var dump = await Shell.TryAsync(cluster.Plan.Build.Executable, "log", "dump", directory);
                await File.WriteAllTextAsync(Path.Combine(cluster.Plan.Folder, ChaosCluster.NameOf(node), "log-dump.txt"), dump.Output);
                records.AddRange(LogDumpReader.Read(ChaosCluster.NameOf(node), new StringReader(dump.Output)));
            }
        }

        return records;
    }

    /// <summary>The index that all replicas of each group have applied, by their last status.</summary>
    public static async Task<IReadOnlyDictionary<int, long>> AppliedAsync(ChaosCluster cluster) =>
        (await cluster.StatusesAsync()).Values.SelectMany(status => status.Groups).GroupBy(group => group.Group)
            .ToDictionary(replicas => replicas.Key, replicas => replicas.Min(replica => replica.AppliedIndex));
}
