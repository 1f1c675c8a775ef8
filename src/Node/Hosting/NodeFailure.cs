namespace KvRaft.Node.Hosting;

/// <summary>
/// Why this node must stop, once something says so: a log that can no longer be trusted, a replica that cannot be opened, a broken
/// invariant. The process then ends with a code that is not zero, so that whoever supervises it notices. Thread-safe.
/// </summary>
internal sealed class NodeFailure
{
    private readonly TaskCompletionSource _happened = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Faults with the first cause; does not complete otherwise.</summary>
    public Task Happened => _happened.Task;

    public void Report(Exception cause) => _happened.TrySetException(cause);

    /// <summary>Runs a loop of the node: ends with the token, and any other end by exception is the node's.</summary>
    public async Task GuardAsync(Func<CancellationToken, Task> loop, CancellationToken stoppingToken)
    {
        try
        {
            await loop(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Asked to stop.
        }
        catch (Exception cause)
        {
            Report(cause);
        }
    }
}
