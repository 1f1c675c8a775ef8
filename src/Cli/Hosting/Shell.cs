using System.CommandLine;
using System.CommandLine.Parsing;
using KvRaft.Client;

namespace KvRaft.Cli;

/// <summary>Runs commands: creates the <see cref="Invocation"/> and maps exceptions to a message and an exit code.</summary>
internal sealed class Shell(CliConsole console, GlobalOptions globals)
{
    public CliConsole Console => console;

    /// <summary>False: commands that change data are refused. Only <c>kvctl shell</c> starts with false.</summary>
    public bool MayWrite { get; set; } = true;

    /// <summary>Like <see cref="Run"/>, for a command that changes data.</summary>
    public Func<ParseResult, CancellationToken, Task<int>> Change(Func<Invocation, Task<int>> verb) => Run(run =>
    {
        DemandWrites();
        return verb(run);
    });

    /// <exception cref="UsageException">The shell is read-only.</exception>
    public void DemandWrites()
    {
        if (!MayWrite)
        {
            throw new UsageException("The shell is read-only; enable changes with: writemode on");
        }
    }

    public Func<ParseResult, CancellationToken, Task<int>> Run(Func<Invocation, Task<int>> verb) => async (parsed, cancellationToken) =>
    {
        try
        {
            var run = new Invocation(parsed, console, globals, cancellationToken);
            var code = await verb(run);
            run.SaveSession();
            return code;
        }
        catch (KvException error)
        {
            var code = await TellAsync(Failures.CodeOf(error), error.Message);
            return Failures.HintOf(error.Reason, parsed.CommandResult.Parent is CommandResult { Command.Name: Failures.SiblingsVerb }) is { } hint
                ? await TellAsync(code, hint)
                : code;
        }
        catch (UsageException error)
        {
            return await TellAsync(ExitCodes.BadArguments, error.Message);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return await TellAsync(ExitCodes.Failed, error.Message);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return await TellAsync(ExitCodes.Interrupted, "interrupted; requests that were sent may still be applied");
        }
    };

    private async Task<int> TellAsync(int code, string message)
    {
        await console.Error.WriteLineAsync($"kvctl: {message}");
        return code;
    }
}

/// <summary>The command line is syntactically correct but inconsistent.</summary>
internal sealed class UsageException(string message) : Exception(message);
