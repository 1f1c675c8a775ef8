namespace KvRaft.Simulation.Tests.Groups;

/// <summary>Keeps the continuations that a call posts (<c>Task.Yield</c>) away from the thread pool, and runs them on the simulation's thread when the call has returned.</summary>
internal sealed class PostedContinuations : SynchronizationContext
{
    private readonly Queue<(SendOrPostCallback Callback, object? State)> _posted = new();

    public override void Post(SendOrPostCallback d, object? state) => _posted.Enqueue((d, state));

    public Task Run(Func<Task> call)
    {
        var before = Current;
        try
        {
            SetSynchronizationContext(this);
            var task = call();

            // With a context, the continuations of the task would not run here.
            SetSynchronizationContext(null);
            while (_posted.TryDequeue(out var next))
            {
                next.Callback(next.State);
            }

            return task;
        }
        finally
        {
            SetSynchronizationContext(before);
        }
    }
}
