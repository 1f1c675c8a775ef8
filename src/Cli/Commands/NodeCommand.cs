using System.CommandLine;
using KvRaft.Cli.Output;

namespace KvRaft.Cli.Commands;

/// <summary>
/// <c>kvctl node list</c>: every configured node, including those that do not answer. Exit code 7 if a node does not answer. <c>kvctl node resign
/// NODE</c>: transfers the leadership of all its shards. The commands that change the shares of nodes are in <see cref="NodeChangeCommands"/>, those
/// for draining in <see cref="DrainCommand"/>.
/// </summary>
internal static class NodeCommand
{
    public static Command Create(Shell shell) => new("node", "Nodes: the processes of the cluster.")
    {
        List(shell),
        Show(shell),
        NodeChangeCommands.Add(shell),
        NodeChangeCommands.Weight(shell),
        NodeChangeCommands.Label(shell),
        NodeChangeCommands.Decommission(shell),
        NodeChangeCommands.Cancel(shell),
        NodeChangeCommands.Replace(shell),
        DrainCommand.Drain(shell),
        DrainCommand.Undrain(shell),
        Resign(shell),
    };

    private static Command List(Shell shell)
    {
        var command = new Command("list", "List the nodes. ST is U(p) or D(own), then N(ormal), J(oined, no shards), D(raining), L(eaving) or S(uspect).");
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            var cluster = await ClusterView.AskAsync(client, run.Cancellation);
            var listing = new Listing("st", "node", "address", "zone", "weight", "shards", "leaders", "not_serving", "lag", "clock_ms", "version", "error");
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
                    node.NotServing,
                    cluster.LagOf(node),
                    node.Status?.Clock?.OffsetMs,
                    node.Status?.ServerVersion ?? node.Route.Version,
                    node.Error);
            }

            listing.WriteTo(run.Console.Out, run.Format);
            return cluster.Nodes.All(static node => node.NotServing is 0) ? ExitCodes.Ok : ExitCodes.Problems;
        }));
        return command;
    }

    private static Command Show(Shell shell)
    {
        var name = new Argument<string>("node") { Description = "The name of the node." };
        var command = new Command("show", "Show one node as the placement driver sees it.") { name };
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            var wanted = run.Parsed.GetRequiredValue(name);
            var nodes = await client.Administration.Calls.ListNodesAsync(run.Cancellation);
            if (nodes.Nodes.FirstOrDefault(each => each.NodeId == wanted) is not { } node)
            {
                await run.Console.Error.WriteLineAsync(nodes.Removed.Contains(wanted)
                    ? $"kvctl: node {wanted} was decommissioned"
                    : $"kvctl: there is no node '{wanted}'");
                return ExitCodes.NotFound;
            }

            var listing = new Listing(
                "node", "standing", "health", "silent_ms", "phi", "address", "replicas_at", "zone", "weight", "owns", "shards", "leaders", "data_bytes",
                "disk_free_bytes", "disk_total_bytes", "placement", "clock_ms", "clock_skewed", "version", "waits_for");
            listing.Add(
                node.NodeId, node.Standing, node.Health, node.SilenceMs, node.Suspicion, node.Public, node.Raft, node.Zone, node.Weight, node.Owns, node.Shards,
                node.Leaders, node.DataBytes, node.DiskFreeBytes, node.DiskTotalBytes,
                nodes.PlacementLeader == node.NodeId ? "leads" : nodes.PlacementVoters.Contains(node.NodeId) ? "votes" : "follows", node.ClockOffsetMs, node.ClockSkewed, node.Version,
                node.Note);
            listing.WriteTo(run.Console.Out, run.Format);
            return node.Health == "up" ? ExitCodes.Ok : ExitCodes.Problems;
        }));
        return command;
    }

    private static Command Resign(Shell shell)
    {
        var node = new Argument<string>("node") { Description = "The node that gives up its leaderships." };
        var to = new Option<string?>("--to") { Description = "The new leader, for shards of which it has a replica; otherwise any node." };
        var command = new Command("resign", "Transfer the leaderships of a node to other nodes. It may lead again later.") { node, to };
        command.SetAction(shell.Change(async run =>
        {
            await using var client = run.Connect();
            var name = run.Parsed.GetRequiredValue(node);
            var map = await client.Administration.Calls.GetRoutesAsync(run.Cancellation);
            var route = map.Nodes.FirstOrDefault(each => each.NodeId == name) ?? throw new UsageException($"there is no node '{name}'");
            var status = await client.Administration.Calls.GetStatusAsync(route.Endpoint, run.Timeout, run.Cancellation);
            var led = status.Groups.Where(static group => group.Shard >= 0 && group.Role == V1.ReplicaRole.Leader).ToArray();
            foreach (var group in led)
            {
                var successor = run.Parsed.GetValue(to) is { } wished && group.Voters.Contains(wished)
                    ? wished
                    : group.Voters.FirstOrDefault(voter => voter != name);
                await client.Administration.Calls.ResignAsync(route.Endpoint, group.Group, successor, run.Timeout, run.Cancellation);
            }

            await run.Console.Out.WriteLineAsync(FormattableString.Invariant($"{name} transferred the leadership of {led.Length} shards."));
            return ExitCodes.Ok;
        }));
        return command;
    }
}
