namespace KvRaft.Node.Cluster;

/// <summary>
/// A signal that the state changed, for any number of waiters, without a queue. Take <see cref="Next"/> first, then read the state, then await:
/// a change between the read and the await is not missed. Thread-safe; waiters never run on the raiser's thread.
/// </summary>
internal sealed class ChangeSignal
{
    private TaskCompletionSource _next = Fresh();

    /// <summary>Completes at the next <see cref="Raise"/>.</summary>
    public Task Next => Volatile.Read(ref _next).Task;

    public void Raise() => Interlocked.Exchange(ref _next, Fresh()).SetResult();

    private static TaskCompletionSource Fresh() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
