using System.CommandLine;
using System.Diagnostics;
using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Cli.Commands;

/// <summary>
/// <c>kvctl cluster init</c>: waits until the cluster is initialized and prints a summary. The command changes nothing: the configuration of each
/// node names the nodes of a new cluster, and the cluster initializes itself once a majority of them runs; it cannot be initialized twice. The
/// command may be repeated.
/// </summary>
internal static class ClusterCommand
{
    private static readonly TimeSpan LookPeriod = TimeSpan.FromMilliseconds(200);

    public static Command Create(Shell shell) => new("cluster", "The cluster as a whole.") { Init(shell) };

    private static Command Init(Shell shell)
    {
        var wait = GlobalOptions.Duration("--wait", "The maximum time to wait, e.g. 1m; default 30s.");
        var command = new Command("init", "Wait until the cluster is initialized and every node answers. The cluster initializes itself once a majority of its first nodes runs.") { wait };
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            var begun = Stopwatch.GetTimestamp();
            var patience = run.Parsed.GetValue(wait) ?? TimeSpan.FromSeconds(30);
            while (true)
            {
                var (cluster, missing) = await LookAsync(client, run.Cancellation);
                if (cluster is not null && missing is null)
                {
                    await run.Console.Out.WriteLineAsync(FormattableString.Invariant(
                        $"Cluster {cluster.Map.ClusterId} is initialized: {PlanText.Count(cluster.Nodes.Count, "node")}, {PlanText.Count(cluster.Map.ShardCount, "shard")}, ring epoch {cluster.Map.Epoch}."));
                    return ExitCodes.Ok;
                }

                if (Stopwatch.GetElapsedTime(begun) >= patience)
                {
                    await run.Console.Error.WriteLineAsync($"kvctl: {missing}");
                    return cluster is null ? ExitCodes.CannotConnect : ExitCodes.Problems;
                }

                await Task.Delay(LookPeriod, run.Console.Time, run.Cancellation);
            }
        }));
        return command;
    }

    private static async Task<(ClusterView? Cluster, string? Missing)> LookAsync(KvClient client, CancellationToken cancellationToken)
    {
        ClusterView cluster;
        try
        {
            cluster = await ClusterView.AskAsync(client, cancellationToken);
        }
        catch (KvException error)
        {
            return (null, error.Message);
        }

        if (cluster.Map.ShardCount == 0)
        {
            return (cluster, "the cluster is not initialized: fewer than a majority of its first nodes reach each other");
        }

        var silent = cluster.Nodes.Where(static node => node.Status is null).Select(static node => node.Route.NodeId).ToArray();

        // A node without a replica of a shard may have no information about its leader; the leader itself always reports its role.
        var led = cluster.Nodes.SelectMany(static node => node.Status?.Groups ?? []).Where(static group => group.Role == ReplicaRole.Leader).Select(static group => group.Shard).ToHashSet();
        var unled = cluster.Map.Shards.Count(shard => !led.Contains(shard.Shard));
        return (cluster, silent.Length > 0 ? $"the cluster is initialized, and {string.Join(", ", silent)} {(silent.Length == 1 ? "does" : "do")} not answer"
            : unled > 0 ? $"the cluster is initialized, and {PlanText.Count(unled, "shard")} {(unled == 1 ? "has" : "have")} no leader yet"
            : null);
    }
}
