namespace KvRaft.Raft.Reads;

/// <summary>
/// One operation for many callers: a caller that arrives during a run gets the next run. So every caller's result comes from a run
/// that began after its call, and no two runs overlap. Thread-safe.
/// </summary>
public sealed class SharedRounds<T>(Func<Task<T>> run)
{
    private readonly Lock _gate = new();
    private TaskCompletionSource<T>? _waiting;
    private bool _running;

    /// <summary>
    /// The result of a run that begins from now on; all its waiters receive the exception of the run. A caller that finds no run in
    /// progress starts it on its own thread.
    /// </summary>
    public Task<T> NextAsync()
    {
        Task<T> round;
        bool begins;
        lock (_gate)
        {
            _waiting ??= new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
            round = _waiting.Task;
            begins = !_running;
            _running = true;
        }

        if (begins)
        {
            _ = RunAsync();
        }

        return round;
    }

    private async Task RunAsync()
    {
        while (true)
        {
            TaskCompletionSource<T> round;
            lock (_gate)
            {
                if (_waiting is null)
                {
                    _running = false;
                    return;
                }

                round = _waiting;
                _waiting = null;
            }

            try
            {
                round.SetResult(await run().ConfigureAwait(false));
            }
            catch (Exception error)
            {
                // Any exception belongs to the waiters of this run.
                round.SetException(error);
            }
        }
    }
}
