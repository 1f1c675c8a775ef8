namespace KvRaft.Node.Cluster;

/// <summary>
/// "Something changed": any number of waiters, no queue. Take <see cref="Next"/> first, then look at the state, then await:
/// a change between the look and the await is not missed. Thread-safe; waiters never run on the raiser's thread.
/// </summary>
internal sealed class ChangeSignal
{
    private TaskCompletionSource _next = Fresh();

    /// <summary>Completes at the next <see cref="Raise"/>.</summary>
    public Task Next => Volatile.Read(ref _next).Task;

    public void Raise() => Interlocked.Exchange(ref _next, Fresh()).SetResult();

    private static TaskCompletionSource Fresh() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
