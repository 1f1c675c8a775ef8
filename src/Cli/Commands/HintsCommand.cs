using System.CommandLine;
using KvRaft.Cli.Output;

namespace KvRaft.Cli.Commands;

/// <summary>
/// <c>kvctl hints list</c>: lists the hints that nodes hold for eventual keys of nodes that were away, and the progress of their delivery. <c>kvctl
/// hints drop NODE</c>: every node discards its hints for that node; the comparison of copies still finds the missing writes.
/// </summary>
internal static class HintsCommand
{
    public static Command Create(Shell shell) => new("hints", "Hints: writes that nodes hold for nodes that were away.") { List(shell), Drop(shell) };

    private static Command List(Shell shell)
    {
        var command = new Command("list", "List the pending hints, by holder and target node.");
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
        var node = new Argument<string>("node") { Description = "The target node of the hints." };
        var command = new Command("drop", "Discard the hints of all nodes for one target node.") { node };
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
