using System.CommandLine;

namespace KvRaft.Cli;

/// <summary>Runs one command line of kvctl: reports what is wrong with it, or invokes its verb.</summary>
internal static class CommandRun
{
    /// <summary>The time that an interrupted command may take to end.</summary>
    private static readonly TimeSpan StopGrace = TimeSpan.FromSeconds(2);

    public static async Task<int> RunAsync(string[] args, CliConsole console, RootCommand root)
    {
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0 && !IsSuggestion(args))
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

            // An interactive session continues after Ctrl-C, which only ends the current command.
            ProcessTerminationTimeout = parsed.CommandResult.Command is RootCommand or { Name: "shell" } ? null : StopGrace,
        };
        var code = await parsed.InvokeAsync(invocation, CancellationToken.None);
        await console.Out.FlushAsync();
        return code;
    }

    /// <summary>The completion scripts pass an incomplete command line, which is never valid.</summary>
    private static bool IsSuggestion(string[] args) => args is [var first, ..] && first.StartsWith("[suggest", StringComparison.Ordinal);
}
