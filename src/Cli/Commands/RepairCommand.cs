using System.CommandLine;
using KvRaft.Cli.Output;

namespace KvRaft.Cli.Commands;

/// <summary>
/// <c>kvctl repair status</c>: the token ranges of eventual keyspaces, with the last time at which their copies were equal. Exit code 7 if a range
/// has a problem. <c>kvctl repair run</c>: every node compares its copies now. <c>kvctl repair pause</c> and <c>resume</c>: stop and restart the
/// comparison.
/// </summary>
internal static class RepairCommand
{
    public static Command Create(Shell shell) => new("repair", "Repair: comparison of the copies of eventual keys.")
    {
        Status(shell),
        RunNow(shell),
        Switch(shell, "pause", "Stop comparing copies and removing tombstones on all nodes, until resume or a restart.", pause: true),
        Switch(shell, "resume", "Resume the comparison of copies on all nodes.", pause: false),
    };

    private static Command Status(Shell shell)
    {
        var keyspace = new Option<string?>("--of") { Description = "Only this keyspace." };
        var command = new Command("status", "Show every token range that holds keys, as each of its nodes sees it.") { keyspace };
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            var listing = new Listing("node", "keyspace", "token_range", "others", "equal_at", "keys_repaired", "problem");
            var (problems, paused) = (false, new List<string>());
            var map = await client.Administration.Calls.GetRoutesAsync(run.Cancellation);
            foreach (var route in map.Nodes)
            {
                var answer = await client.Administration.Calls.GetRepairStatusAsync(route.Endpoint, run.Parsed.GetValue(keyspace), run.Timeout, run.Cancellation);
                paused.AddRange(answer.Paused ? [answer.Node] : []);
                foreach (var range in answer.TokenRanges)
                {
                    var equalAt = range.EqualAtMs == 0 ? null : EntryText.Instant(EntryText.Moment(range.EqualAtMs));
                    listing.Add(answer.Node, range.Keyspace, range.TokenRange, string.Join(',', range.Others), equalAt, range.KeysRepaired, range.LastError);
                    problems |= range.LastError.Length > 0;
                }
            }

            listing.WriteTo(run.Console.Out, run.Format);
            foreach (var node in paused)
            {
                await run.Console.Error.WriteLineAsync($"kvctl: comparison is paused on {node}");
            }

            return problems ? ExitCodes.Problems : ExitCodes.Ok;
        }));
        return command;
    }

    private static Command Switch(Shell shell, string name, string description, bool pause)
    {
        var command = new Command(name, description);
        command.SetAction(shell.Change(async run =>
        {
            await using var client = run.Connect();
            var map = await client.Administration.Calls.GetRoutesAsync(run.Cancellation);
            foreach (var route in map.Nodes)
            {
                await client.Administration.Calls.PauseRepairAsync(route.Endpoint, pause, run.Timeout, run.Cancellation);
            }

            await run.Console.Out.WriteLineAsync(pause ? "comparison is paused on all nodes" : "comparison is resumed on all nodes");
            return ExitCodes.Ok;
        }));
        return command;
    }

    private static Command RunNow(Shell shell)
    {
        var command = new Command("run", "Start a comparison of all copies now; does not wait for its end.");
        command.SetAction(shell.Change(async run =>
        {
            await using var client = run.Connect();
            var map = await client.Administration.Calls.GetRoutesAsync(run.Cancellation);
            foreach (var route in map.Nodes)
            {
                await client.Administration.Calls.RunRepairAsync(route.Endpoint, run.Timeout, run.Cancellation);
            }

            await run.Console.Out.WriteLineAsync("comparison started on all nodes");
            return ExitCodes.Ok;
        }));
        return command;
    }
}
