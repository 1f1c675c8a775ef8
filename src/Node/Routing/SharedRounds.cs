namespace KvRaft.Node.Routing;

/// <summary>
/// One piece of work for many callers: whoever asks while it runs gets the next run, so that every caller's answer comes from a run
/// that began after it asked, and no two runs overlap. Thread-safe.
/// </summary>
internal sealed class SharedRounds<T>(Func<Task<T>> run)
{
    private readonly Lock _gate = new();
    private TaskCompletionSource<T>? _waiting;
    private bool _running;

    /// <summary>The result of a run that begins from now on.</summary>
    public Task<T> NextAsync()
    {
        lock (_gate)
        {
            _waiting ??= new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
            var round = _waiting.Task;
            if (!_running)
            {
                _running = true;
                _ = RunAsync();
            }

            return round;
        }
    }

    private async Task RunAsync()
    {
        // The first caller holds the lock.
        await Task.Yield();
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
                round.SetResult(await run());
            }
            catch (Exception error)
            {
                // Whatever it is, it belongs to those who waited for this run.
                round.SetException(error);
            }
        }
    }
}
