using System.CommandLine;
using KvRaft.Cli.Lines;

namespace KvRaft.Cli.Commands;

/// <summary><c>kvctl shell</c>, and <c>kvctl</c> alone: commands line by line, typed or from a pipe.</summary>
internal static class ShellCommand
{
    public static Command Create(CliConsole console, GlobalOptions globals)
    {
        var command = new Command("shell", "Type commands one after the other; read-only until 'writemode on'. From a pipe: run its lines.");
        command.SetAction((parsed, _) => RunAsync(parsed, console, globals));
        return command;
    }

    public static Task<int> RunAsync(ParseResult parsed, CliConsole console, GlobalOptions globals) =>
        new CommandLines(console, globals.GivenIn(parsed)).RunAsync();
}
