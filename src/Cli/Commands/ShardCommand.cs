using System.CommandLine;
using System.Globalization;
using KvRaft.Cli.Output;
using KvRaft.V1;

namespace KvRaft.Cli.Commands;

/// <summary><c>kvctl shard list</c>, <c>kvctl shard locate KEY...</c>, <see cref="ShardLoadCommand"/>, and the moves of <see cref="ShardMoveCommand"/>.</summary>
internal static class ShardCommand
{
    public static Command Create(Shell shell) => new("shard", "Shards: the token ranges of the ring, each a Raft group.")
    {
        List(shell),
        Locate(shell),
        ShardLoadCommand.Create(shell),
        ShardMoveCommand.Move(shell),
        ShardMoveCommand.Moves(shell),
        ShardMoveCommand.Cancel(shell),
    };

    private static Command List(Shell shell)
    {
        var command = new Command("list", "List the shards with their leader, their replicas, and the replicas that do not serve.");
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            var cluster = await ClusterView.AskAsync(client, run.Cancellation);
            var listing = new Listing("shard", "leader", "term", "replicas", "not_serving");
            foreach (var shard in cluster.Map.Shards.OrderBy(static shard => shard.Shard))
            {
                var leader = cluster.LeaderOf(shard);
                listing.Add(shard.Shard, leader?.Node, leader?.Term ?? shard.LeaderTerm, Replicas(shard), cluster.NotServing(shard).ToArray());
            }

            listing.WriteTo(run.Console.Out, run.Format);
            return ExitCodes.Ok;
        }));
        return command;
    }

    private static Command Locate(Shell shell)
    {
        var keys = new Argument<string[]>("key") { Description = "The keys, as text.", Arity = ArgumentArity.OneOrMore };
        var command = new Command("locate", "Show which shard holds a key.") { keys };
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            var named = run.Parsed.GetRequiredValue(keys).Select(Arguments.Bytes);
            var answer = await client.Administration.Calls.LocateAsync(run.Keyspace, named, run.Cancellation);
            var listing = new Listing("key", "shard", "leader", "replicas", "token");
            foreach (var location in answer.Locations)
            {
                listing.Add(
                    EntryText.Show(location.Key.Span),
                    location.Shard.Shard,
                    Leader(location.Shard),
                    Replicas(location.Shard),
                    location.Token.ToString("x16", CultureInfo.InvariantCulture));
            }

            listing.WriteTo(run.Console.Out, run.Format);
            return ExitCodes.Ok;
        }));
        return command;
    }

    private static string? Leader(ShardRoute shard) => shard.LeaderNode.Length > 0 ? shard.LeaderNode : null;

    private static string[] Replicas(ShardRoute shard) => [.. shard.Replicas.Select(static replica => replica.NodeId)];
}
