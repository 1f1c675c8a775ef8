using System.CommandLine;
using KvRaft.Cli.Commands;

namespace KvRaft.Cli;

/// <summary>
/// kvctl: the command line interface for people and scripts. It uses only the client library, so a program can do everything that kvctl does. Data
/// goes to standard output and everything else to standard error; a table is printed only on a terminal; the exit code reports the result
/// (<see cref="ExitCodes"/>). Each command is one file under Commands.
/// </summary>
internal static class Kvctl
{
    public static Task<int> RunAsync(string[] args, CliConsole console) => CommandRun.RunAsync(args, console, CreateRoot(console).Root);

    public static (RootCommand Root, Shell Shell) CreateRoot(CliConsole console)
    {
        var globals = new GlobalOptions(console);
        var shell = new Shell(console, globals);
        var root = new RootCommand("Manages a KvRaft cluster: data, keyspaces, shards and nodes.")
        {
            GetCommand.Create(shell),
            PutCommand.Create(shell),
            DelCommand.Create(shell),
            TtlCommand.Create(shell),
            IncrCommand.Create(shell),
            ScanCommand.Create(shell),
            MgetCommand.Create(shell),
            MsetCommand.Create(shell),
            TxnCommand.Create(shell),
            DelRangeCommand.Create(shell),
            ResultCommand.Create(shell),
            LimitsCommand.Create(shell),
            ImportCommand.Create(shell),
            VerifyCommand.Create(shell),
            ExportCommand.Create(shell),
            StatusCommand.Create(shell),
            KeyspaceCommand.Create(shell),
            SiblingsCommand.Create(shell),
            HintsCommand.Create(shell),
            RepairCommand.Create(shell),
            ShardCommand.Create(shell),
            NodeCommand.Create(shell),
            PlanCommand.Create(shell),
            OperatorCommand.Create(shell),
            SchedulerCommand.Create(shell),
            RingCommand.Create(shell),
            ClusterCommand.Create(shell),
            ShellCommand.Create(console, globals, CreateRoot),
            CompletionCommand.Create(console),
        };
        globals.AddTo(root);
        HelpWithExitCodes.AddTo(root);
        root.SetAction((parsed, _) => ShellCommand.RunAsync(parsed, console, globals, CreateRoot));
        return (root, shell);
    }
}
