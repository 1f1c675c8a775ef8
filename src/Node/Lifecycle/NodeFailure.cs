using System.Runtime.CompilerServices;
using KvRaft.Raft.Background;

namespace KvRaft.Node.Lifecycle;

/// <summary>
/// Why this node must stop, once a component reports it: a log that is no longer reliable, a replica that cannot be opened, a broken
/// invariant. The process then ends with a code that is not zero, so that its supervisor notices. Thread-safe.
/// </summary>
internal sealed class NodeFailure
{
    private readonly TaskCompletionSource _happened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly BackgroundTasks _background;

    public NodeFailure() => _background = new BackgroundTasks(
        (work, cause) => Report(cause as NodeStartException ?? (Exception)new BackgroundFaultException(work, cause)));

    /// <summary>Faults with the first cause; does not complete otherwise.</summary>
    public Task Happened => _happened.Task;

    public void Report(Exception cause) => _happened.TrySetException(cause);

    /// <summary>Runs a loop of the node: it ends with the token; any other end is a failure of the node.</summary>
    public Task GuardAsync(Func<CancellationToken, Task> loop, CancellationToken stoppingToken, [CallerArgumentExpression(nameof(loop))] string name = "", [CallerFilePath] string file = "") =>
        _background.GuardLoopAsync($"{Path.GetFileNameWithoutExtension(file)}.{name}", loop, stoppingToken);

    /// <summary>Starts work of the node that nothing awaits; an exception that the work does not handle is a failure of the node.</summary>
    public void Begin(Func<Task> work, [CallerArgumentExpression(nameof(work))] string name = "", [CallerFilePath] string file = "") =>
        _ = _background.GuardAsync($"{Path.GetFileNameWithoutExtension(file)}.{name}", work);
}
