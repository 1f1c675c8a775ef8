using System.CommandLine;
using KvRaft.Cli.Lines;

namespace KvRaft.Cli.Commands;

/// <summary><c>kvctl shell</c>, and <c>kvctl</c> without arguments: reads commands line by line from a terminal or a pipe.</summary>
internal static class ShellCommand
{
    public static Command Create(CliConsole console, GlobalOptions globals)
    {
        var command = new Command("shell", "Run commands line by line, from a terminal (read-only until 'writemode on') or from a pipe.");
        command.SetAction((parsed, _) => RunAsync(parsed, console, globals));
        return command;
    }

    public static Task<int> RunAsync(ParseResult parsed, CliConsole console, GlobalOptions globals) =>
        new CommandLines(console, globals.GivenIn(parsed)).RunAsync();
}
