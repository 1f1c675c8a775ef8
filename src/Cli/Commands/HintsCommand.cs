using System.CommandLine;
using KvRaft.Cli.Output;

namespace KvRaft.Cli.Commands;

/// <summary>
/// <c>kvctl hints list</c>: what nodes keep of eventual keys for others that were away, and how handing it over goes. <c>kvctl hints drop NODE</c>: every
/// node gives up what it keeps for that one; comparison of copies still finds what it lacks.
/// </summary>
internal static class HintsCommand
{
    public static Command Create(Shell shell) => new("hints", "What nodes keep for others that were away.") { List(shell), Drop(shell) };

    private static Command List(Shell shell)
    {
        var command = new Command("list", "List what is owed, by keeper and node.");
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            var listing = new Listing("kept_by", "node", "keys", "oldest", "delivered", "error");
            var map = await client.Administration.Calls.GetRoutesAsync(run.Cancellation);
            foreach (var route in map.Nodes)
            {
                var answer = await client.Administration.Calls.ListHintsAsync(route.Endpoint, run.Timeout, run.Cancellation);
                foreach (var owed in answer.Nodes)
                {
                    var oldest = owed.OldestMs == 0 ? null : EntryText.Instant(EntryText.Moment(owed.OldestMs));
                    listing.Add(answer.KeptBy, owed.Node, owed.Keys, oldest, owed.Delivered, owed.LastError);
                }
            }

            listing.WriteTo(run.Console.Out, run.Format);
            return ExitCodes.Ok;
        }));
        return command;
    }

    private static Command Drop(Shell shell)
    {
        var node = new Argument<string>("node") { Description = "The node that is owed." };
        var command = new Command("drop", "Give up what all nodes keep for one.") { node };
        command.SetAction(shell.Change(async run =>
        {
            await using var client = run.Connect();
            var map = await client.Administration.Calls.GetRoutesAsync(run.Cancellation);
            var name = run.Parsed.GetRequiredValue(node);
            long dropped = 0;
            foreach (var route in map.Nodes.Where(route => route.NodeId != name))
            {
                dropped += (await client.Administration.Calls.DropHintsAsync(route.Endpoint, name, run.Timeout, run.Cancellation)).Dropped;
            }

            await run.Console.Out.WriteLineAsync(FormattableString.Invariant($"dropped {dropped} hints for {name}"));
            return ExitCodes.Ok;
        }));
        return command;
    }
}
