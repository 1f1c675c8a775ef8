using System.CommandLine;
using KvRaft.Cli.Import;
using KvRaft.Cli.Output;

namespace KvRaft.Cli.Commands;

/// <summary>
/// <c>kvctl verify ACK-LOG</c>: reads every acknowledged key through each endpoint, with linearizable reads that the node answers or forwards, and
/// compares the SHA-256. Exit code 7 if an acknowledged write is missing or different on any node.
/// </summary>
internal static class VerifyCommand
{
    public static Command Create(Shell shell)
    {
        var log = new Argument<string>("ack-log") { Description = "A file written by kvctl import --ack-log; - is standard input." };
        var concurrency = ImportCommand.Concurrency();
        var command = new Command("verify", "Check that no acknowledged write was lost, through every endpoint.") { log, concurrency };
        command.SetAction(shell.Run(async run =>
        {
            var file = run.Parsed.GetRequiredValue(log);
            await using var opened = file == "-" ? null : File.OpenRead(file);
            var expectations = await Expectations.OfAckLogAsync(opened ?? run.Console.Input, run.Console, run.Cancellation);
            return await RunAsync(run, expectations, run.Endpoints, run.Parsed.GetValue(concurrency));
        }));
        return command;
    }

    public static async Task<int> RunAsync(Invocation run, Expectations expectations, IEnumerable<string> endpoints, int concurrency)
    {
        var listing = new Listing("endpoint", "same", "missing", "different", "unread");
        var code = ExitCodes.Ok;
        foreach (var endpoint in endpoints)
        {
            await using var client = run.ConnectTo(endpoint, ImportCommand.DefaultTimeout);
            var verifier = new Verifier(client.Keyspace(), run.Console);
            await using (new ProgressLine(run.Console, () => $"{endpoint}: {verifier.Text}"))
            {
                await verifier.RunAsync(expectations, concurrency, run.Cancellation);
            }

            listing.Add(verifier.Row(endpoint));
            code = verifier.FoundProblems ? ExitCodes.Problems
                : verifier.AllSame || code == ExitCodes.Problems ? code
                : ExitCodes.Partial;
        }

        listing.WriteTo(run.Console.Out, run.Format);
        return code;
    }
}
