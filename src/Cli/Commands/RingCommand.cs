using System.CommandLine;
using System.Globalization;
using KvRaft.Cli.Output;
using KvRaft.V1;

namespace KvRaft.Cli.Commands;

/// <summary><c>kvctl ring show|owners|diff</c>: the share of each node, the nodes of each token range, and past or planned changes.</summary>
internal static class RingCommand
{
    public static Command Create(Shell shell) => new("ring", "The ring: how shards are placed on nodes.")
    {
        Show(shell),
        Owners(shell),
        Diff(shell),
    };

    private static Command Show(Shell shell)
    {
        var command = new Command("show", "Show the share of each node, and the shards that it holds.");
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            var ring = await client.Administration.Calls.ShowRingAsync(run.Cancellation);
            var listing = new Listing("node", "zone", "weight", "points", "share", "owns", "shards", "fair", "leaders", "fair_leaders");
            foreach (var node in ring.Nodes)
            {
                listing.Add(
                    node.NodeId, node.Zone, node.Weight, node.VirtualNodes, Rounded(node.Share, 4), Rounded(node.Owns, 4), node.Shards,
                    Rounded(node.FairShards, 2), node.Leaders, Rounded(node.FairLeaders, 2));
            }

            listing.WriteTo(run.Console.Out, run.Format);
            if (run.Format == OutputFormat.Table)
            {
                await run.Console.Out.WriteLineAsync(FormattableString.Invariant(
                    $"{ring.ShardCount} shards of {ring.ReplicationFactor} replicas at ring epoch {ring.Epoch}; the history of moves begins at epoch {ring.EarliestEpoch}."));
            }

            return ExitCodes.Ok;
        }));
        return command;
    }

    private static Command Owners(Shell shell)
    {
        var command = new Command("owners", "List the token ranges of the ring with the nodes that hold them.");
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            var ring = await client.Administration.Calls.ShowRingAsync(run.Cancellation);
            var listing = new Listing("shard", "first_token", "last_token", "leader", "nodes");
            foreach (var shard in ring.Shards)
            {
                listing.Add(shard.Shard, Token(shard.FirstToken), Token(shard.LastToken), shard.Leader.Length > 0 ? shard.Leader : null, shard.Nodes.ToArray());
            }

            listing.WriteTo(run.Console.Out, run.Format);
            return ExitCodes.Ok;
        }));
        return command;
    }

    private static Command Diff(Shell shell)
    {
        var from = new Argument<long?>("from") { Description = "A ring epoch; without it, the staged plan is compared with the current ring.", Arity = ArgumentArity.ZeroOrOne };
        var to = new Argument<long?>("to") { Description = "A later ring epoch; without it, the current one.", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("diff", "Show what changed between two ring epochs, or what the staged plan would change.") { from, to };
        command.SetAction(shell.Run(async run =>
        {
            var (first, last) = (run.Parsed.GetValue(from), run.Parsed.GetValue(to));
            if (first < 1 || last < 1)
            {
                throw new UsageException("ring epochs start at 1");
            }

            await using var client = run.Connect();
            var diff = await client.Administration.Calls.DiffRingAsync(first ?? 0, last ?? 0, run.Cancellation);
            var listing = new Listing("shard", "from", "to", "epoch", "cause");
            foreach (var move in diff.Moves)
            {
                listing.Add(move.Shard, move.FromNode, move.ToNode, move.Epoch > 0 ? move.Epoch : null, move.Cause);
            }

            listing.WriteTo(run.Console.Out, run.Format);
            if (run.Format == OutputFormat.Table)
            {
                await run.Console.Out.WriteLineAsync(Shares(diff));
            }

            return ExitCodes.Ok;
        }));
        return command;
    }

    private static string Shares(RingDiff diff)
    {
        var between = diff.ToEpoch == 0
            ? FormattableString.Invariant($"the staged plan, made at ring epoch {diff.FromEpoch}")
            : FormattableString.Invariant($"ring epochs {diff.FromEpoch} to {diff.ToEpoch}");
        var shares = diff.Shares.Count == 0
            ? "no node has more or fewer shards"
            : string.Join(", ", diff.Shares.Select(static share => FormattableString.Invariant($"{share.NodeId} {share.Before} -> {share.After}")));
        return $"{PlanText.Count(diff.Moves.Count, "move")} in {between}: {shares}.";
    }

    private static double Rounded(double value, int digits) => Math.Round(value, digits);

    private static string Token(ulong token) => token.ToString("x16", CultureInfo.InvariantCulture);
}
