namespace KvRaft.Raft.Log;

/// <summary>
/// One thread for work that must not delay the writer: it prepares and deletes segments, and requests flushes from groups. In order, one
/// task at a time. In manual mode the work runs at once on the caller's thread.
/// </summary>
internal sealed class BackgroundWork
{
    private readonly object _gate = new();
    private readonly Queue<Action> _work = new();
    private readonly Action<Exception> _onFailure;
    private readonly Thread? _thread;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isStopping;

    public BackgroundWork(bool isManual, Action<Exception> onFailure)
    {
        _onFailure = onFailure;
        if (isManual)
        {
            _ended.SetResult();
            return;
        }

        _thread = new Thread(Run) { IsBackground = true, Name = "kvraft-log-background" };
        _thread.Start();
    }

    public Exception? Failure { get; private set; }

    public void Enqueue(Action work)
    {
        if (_thread is null)
        {
            work();
            return;
        }

        lock (_gate)
        {
            if (_isStopping)
            {
                return;
            }

            _work.Enqueue(work);
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Finishes the queued work and ends.</summary>
    public Task StopAsync()
    {
        lock (_gate)
        {
            _isStopping = true;
            Monitor.Pulse(_gate);
        }

        return _ended.Task;
    }

    private void Run()
    {
        try
        {
            while (Next() is { } work)
            {
                work();
            }
        }
        // For any exception, the log cannot continue without this work: it receives the exception and fails.
        catch (Exception failure)
        {
            Failure = failure;
            lock (_gate)
            {
                _isStopping = true;
                _work.Clear();
            }

            _onFailure(failure);
        }

        _ended.SetResult();
    }

    private Action? Next()
    {
        lock (_gate)
        {
            while (_work.Count == 0 && !_isStopping)
            {
                Monitor.Wait(_gate);
            }

            return _work.TryDequeue(out var work) ? work : null;
        }
    }
}
