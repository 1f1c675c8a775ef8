using System.CommandLine;
using KvRaft.Cli.Output;

namespace KvRaft.Cli.Commands;

/// <summary><c>kvctl node list</c>: every configured node, also those that do not answer. Exit code 7 if one does not.</summary>
internal static class NodeCommand
{
    public static Command Create(Shell shell) => new("node", "Nodes: the processes of the cluster.") { List(shell) };

    private static Command List(Shell shell)
    {
        var command = new Command("list", "List the nodes. ST is U(p) or D(own), then N(ormal), S(uspect), D(raining) or R(emoved).");
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            var cluster = await ClusterView.AskAsync(client, run.Cancellation);
            var listing = new Listing("st", "node", "address", "zone", "weight", "shards", "leaders", "lag", "version", "error");
            foreach (var node in cluster.Nodes)
            {
                listing.Add(
                    node.State,
                    node.Route.NodeId,
                    node.Route.Endpoint,
                    node.Route.Zone,
                    node.Route.Weight,
                    cluster.ReplicasOn(node.Route.NodeId),
                    cluster.LeadersOn(node.Route.NodeId),
                    node.Lag,
                    node.Status?.ServerVersion ?? node.Route.Version,
                    node.Error);
            }

            listing.WriteTo(run.Console.Out, run.Format);
            return cluster.Nodes.All(static node => node.Status is not null) ? ExitCodes.Ok : ExitCodes.Problems;
        }));
        return command;
    }
}
