using System.CommandLine;
using KvRaft.Node.Hosting;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;

namespace KvRaft.Node.Verbs;

/// <summary>The command line of <c>kvraft</c>: its verbs, and the form of their failures in a shell.</summary>
internal static class Verb
{
    public static async Task<int> RunAsync(string[] arguments)
    {
        var root = new RootCommand("KvRaft: a sharded, strongly consistent key-value store on Raft.")
        {
            DevVerb.Create(),
            NodeVerb.Create(),
            LogVerb.Create(),
        };
        var parsed = root.Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
            {
                await Console.Error.WriteLineAsync("kvraft: " + error.Message);
            }

            return ExitCodes.BadArguments;
        }

        // StopSignal handles the signals; the library's own handling would end a stopping node after two seconds.
        return await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false });
    }

    /// <summary>Runs a verb that starts nodes; an expected failure is a line on stderr and a code, not a stack trace.</summary>
    public static async Task<int> GuardAsync(Func<CancellationToken, Task<int>> run)
    {
        OutOfMemoryExit.Arm();
        using var stop = new StopSignal();
        try
        {
            return await run(stop.Asked);
        }
        catch (InvalidOptionsException error)
        {
            foreach (var mistake in error.Mistakes)
            {
                await Console.Error.WriteLineAsync("kvraft: " + mistake);
            }

            return ExitCodes.BadArguments;
        }
        catch (NodeStartException error)
        {
            await Console.Error.WriteLineAsync($"kvraft: {error.Message}");
            return ExitCodes.Failed;
        }
        catch (OperationCanceledException) when (stop.Asked.IsCancellationRequested)
        {
            return ExitCodes.Stopped;
        }
    }

    /// <summary>
    /// Runs nodes until a signal stops them or one of them cannot continue. If its disk failed, or a component of it ended by a bug, this does not return: the process ends at
    /// once (<see cref="ProcessEnd"/>).
    /// </summary>
    public static async Task<int> UntilStoppedAsync(IReadOnlyCollection<KvRaftNode> nodes, ILoggerFactory loggers, CancellationToken asked)
    {
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var registration = asked.Register(stopped.SetResult);
        var ended = await Task.WhenAny([stopped.Task, .. nodes.Select(node => node.Failure)]);
        if (!ended.IsFaulted)
        {
            return ExitCodes.Stopped;
        }

        var cause = ended.Exception.GetBaseException();
        await Console.Error.WriteLineAsync($"kvraft: the node cannot go on: {cause.Message}");
        var code = ExitCodes.Of(cause, nodes.Any(static node => node.HasDiskFailed));
        if (code != ExitCodes.Failed)
        {
            ProcessEnd.AtOnce(code, loggers);
        }

        return code;
    }

    /// <summary>
    /// Closes nodes after a signal, or after a failure. If the disk fails meanwhile, this does not return, as in <see cref="UntilStoppedAsync"/>. A full disk
    /// loses nothing that was acknowledged: the next start recovers the data that could not be written.
    /// </summary>
    public static async Task CloseAsync(IAsyncDisposable all, IReadOnlyCollection<KvRaftNode> nodes, ILoggerFactory loggers)
    {
        var closing = all.DisposeAsync().AsTask();
        await Task.WhenAny([closing, .. nodes.Select(static node => node.DiskFailed)]);
        var fault = nodes.Any(static node => node.HasDiskFailed) ? DiskFault.Failed : DiskFaults.Of(closing.Exception);
        switch (fault)
        {
            case DiskFault.Failed:
                await Console.Error.WriteLineAsync("kvraft: the disk failed while the node stopped; the next start reads the data on the disk");
                ProcessEnd.AtOnce(ExitCodes.DiskFailed, loggers);
                break;
            case DiskFault.NoRoom:
                await Console.Error.WriteLineAsync("kvraft: the disk had no room while the node stopped; nothing that was acknowledged is lost");
                break;
            default:
                await closing;
                break;
        }
    }
}
