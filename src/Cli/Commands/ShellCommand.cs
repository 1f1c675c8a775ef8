using System.CommandLine;
using KvRaft.Cli.Lines;

namespace KvRaft.Cli.Commands;

/// <summary><c>kvctl shell</c>, and <c>kvctl</c> without arguments: reads commands line by line from a terminal or a pipe.</summary>
internal static class ShellCommand
{
    public static Command Create(CliConsole console, GlobalOptions globals, Func<CliConsole, (RootCommand Root, Shell Shell)> createRoot)
    {
        var command = new Command("shell", "Run commands line by line, from a terminal (read-only until 'writemode on') or from a pipe.");
        command.SetAction((parsed, _) => RunAsync(parsed, console, globals, createRoot));
        return command;
    }

    public static Task<int> RunAsync(ParseResult parsed, CliConsole console, GlobalOptions globals, Func<CliConsole, (RootCommand Root, Shell Shell)> createRoot) =>
        new CommandLines(console, globals.GivenIn(parsed), createRoot).RunAsync();
}
