namespace KvRaft.Raft.Reads;

/// <summary>
/// One piece of work for many callers: whoever asks while it runs gets the next run, so that every caller's answer comes from a run
/// that began after it asked, and no two runs overlap. Thread-safe.
/// </summary>
public sealed class SharedRounds<T>(Func<Task<T>> run)
{
    private readonly Lock _gate = new();
    private TaskCompletionSource<T>? _waiting;
    private bool _running;

    /// <summary>
    /// The result of a run that begins from now on; what the run throws is thrown to all who waited for it. The caller that finds no run under
    /// way begins it on its own thread.
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
                // Whatever it is, it belongs to those who waited for this run.
                round.SetException(error);
            }
        }
    }
}
