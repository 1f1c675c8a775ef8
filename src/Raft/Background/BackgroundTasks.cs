using KvRaft.Raft.Groups;

namespace KvRaft.Raft.Background;

/// <summary>
/// Work that no caller awaits: loops, and tasks whose result is not read. If an unhandled exception ended such work silently, the node would look
/// healthy and do only a part of its duties. So each piece of background work has an owner, and the owner determines the effect of a fault:
/// <list type="bullet">
/// <item>work of a replica stops that replica, which its status shows (<see cref="RaftGroup"/>);</item>
/// <item>work of the node ends the node (<see cref="RaftHost.Fault"/>), and the process with its own exit code.</item>
/// </list>
/// Work for one request or one connection is not started here: its fault ends that request or connection.
/// <para>Thread-safe. The returned tasks never fault.</para>
/// </summary>
/// <param name="onFault">Called with the name of the work and its exception. Must not throw.</param>
public sealed class BackgroundTasks(Action<string, Exception> onFault)
{
    /// <summary>Runs a loop on the thread pool; see <see cref="GuardLoopAsync"/>.</summary>
    public Task StartLoop(string name, Func<CancellationToken, Task> loop, CancellationToken stoppingToken) =>
        Task.Run(() => GuardLoopAsync(name, loop, stoppingToken), CancellationToken.None);

    /// <summary>Runs work that ends by itself, on the thread pool.</summary>
    public Task Start(string name, Func<Task> work) => Task.Run(() => GuardAsync(name, work), CancellationToken.None);

    /// <summary>Runs a loop that ends only with the token. Any other end is a fault, even without an exception.</summary>
    public async Task GuardLoopAsync(string name, Func<CancellationToken, Task> loop, CancellationToken stoppingToken)
    {
        try
        {
            await loop(stoppingToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The loop was requested to stop.
        }
        catch (Exception cause)
        {
            onFault(name, cause);
            return;
        }

        if (!stoppingToken.IsCancellationRequested)
        {
            onFault(name, new InvalidOperationException("It ended without a request to stop."));
        }
    }

    /// <summary>Runs work that ends by itself, and starts it on the caller's thread. The work handles the exceptions that it expects.</summary>
    public async Task GuardAsync(string name, Func<Task> work)
    {
        try
        {
            await work().ConfigureAwait(false);
        }
        catch (Exception cause)
        {
            onFault(name, cause);
        }
    }
}

/// <summary>Background work of the node ended by an exception that it does not handle: a bug. The process must end.</summary>
public sealed class BackgroundFaultException(string work, Exception cause)
    : Exception($"the background work '{work}' ended by an unexpected {cause.GetType().Name}: {cause.Message}", cause);
