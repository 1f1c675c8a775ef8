using System.CommandLine;
using KvRaft.Cli.Commands;

namespace KvRaft.Cli;

/// <summary>
/// kvctl: what people and scripts do with a cluster. It sees only the client library, so whatever it can do, a program can do. Data goes
/// to standard output and everything else to standard error; a table is drawn only for a terminal; the exit code says what
/// happened (<see cref="ExitCodes"/>). Each verb is one file under Commands.
/// </summary>
internal static class Kvctl
{
    public static async Task<int> RunAsync(string[] args, CliConsole console)
    {
        var parsed = CreateRoot(console).Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
            {
                await console.Error.WriteLineAsync($"kvctl: {error.Message}");
            }

            await console.Error.WriteLineAsync("Try: kvctl --help");
            return ExitCodes.BadArguments;
        }

        var invocation = new InvocationConfiguration
        {
            Output = console.Out,
            Error = console.Error,
            EnableDefaultExceptionHandler = false,
        };
        var code = await parsed.InvokeAsync(invocation, CancellationToken.None);
        await console.Out.FlushAsync();
        return code;
    }

    public static RootCommand CreateRoot(CliConsole console)
    {
        var globals = new GlobalOptions(console);
        var shell = new Shell(console, globals);
        var root = new RootCommand("Works with a KvRaft cluster: data, keyspaces, shards and nodes.")
        {
            GetCommand.Create(shell),
            PutCommand.Create(shell),
            DelCommand.Create(shell),
            TtlCommand.Create(shell),
            IncrCommand.Create(shell),
            ScanCommand.Create(shell),
            MgetCommand.Create(shell),
            ImportCommand.Create(shell),
            VerifyCommand.Create(shell),
            ExportCommand.Create(shell),
            StatusCommand.Create(shell),
            KeyspaceCommand.Create(shell),
            ShardCommand.Create(shell),
            NodeCommand.Create(shell),
        };
        globals.AddTo(root);
        return root;
    }
}
