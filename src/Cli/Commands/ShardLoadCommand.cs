using System.CommandLine;
using KvRaft.Cli.Output;
using KvRaft.V1;

namespace KvRaft.Cli.Commands;

/// <summary><c>kvctl shard load</c>: the request rate of each shard. Exit code 7 if a node does not answer.</summary>
internal static class ShardLoadCommand
{
    public static Command Create(Shell shell)
    {
        var command = new Command("load", "List the request rate of each shard over the last ten seconds, as its leader reports it; the busiest first.");
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            var cluster = await ClusterView.AskAsync(client, run.Cancellation);
            var listing = new Listing("shard", "leader", "reads_per_s", "writes_per_s", "bytes");
            foreach (var (node, group) in Busiest(cluster.Nodes))
            {
                listing.Add(group.Shard, node, group.ReadsPerSecond, group.WritesPerSecond, group.Bytes);
            }

            listing.WriteTo(run.Console.Out, run.Format);
            var silent = cluster.Nodes.Where(static node => node.Status is null).ToArray();
            foreach (var node in silent)
            {
                await run.Console.Error.WriteLineAsync($"kvctl: {node.Route.NodeId} does not answer: {node.Error}");
            }

            return silent.Length == 0 ? ExitCodes.Ok : ExitCodes.Problems;
        }));
        return command;
    }

    /// <summary>Each shard once, as reported by its leader of the highest term.</summary>
    private static IEnumerable<(string Node, GroupStatus Group)> Busiest(IEnumerable<NodeView> nodes) =>
        nodes.SelectMany(static node => (node.Status?.Groups ?? []).Select(group => (Node: node.Route.NodeId, Group: group)))
            .Where(static each => each.Group is { Shard: >= 0, Role: ReplicaRole.Leader })
            .GroupBy(static each => each.Group.Shard)
            .Select(static claims => claims.MaxBy(static each => each.Group.Term))
            .OrderByDescending(static each => each.Group.ReadsPerSecond + each.Group.WritesPerSecond)
            .ThenBy(static each => each.Group.Shard);
}
