using KvRaft.Topology;

namespace KvRaft.Raft.Consensus;

/// <summary>
/// The applied index of a replica and the waiters for it. An index is reached when its entry was applied and every
/// configuration up to it was saved. Thread-safe; waiters continue on the thread pool.
/// </summary>
internal sealed class ApplyProgress(long applied)
{
    private readonly Lock _gate = new();
    private readonly PriorityQueue<TaskCompletionSource, long> _waiters = new();
    private readonly SortedDictionary<long, Task> _holds = [];
    private long _applied = applied;
    private long _reached = applied;
    private TaskCompletionSource _next = NewSource();
    private Exception? _failure;

    /// <summary>The last applied index, regardless of unsaved configurations.</summary>
    public long Applied => Volatile.Read(ref _applied);

    /// <summary>An index is not reached until the task has completed.</summary>
    public void HoldAt(long index, Task until)
    {
        lock (_gate)
        {
            _holds[index] = until;
        }

        _ = until.ContinueWith(
            done =>
            {
                if (done.Exception is { } error)
                {
                    Fail(error.GetBaseException());
                    return;
                }

                lock (_gate)
                {
                    _holds.Remove(index);
                }

                Release();
            },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }

    public void Advance(long applied)
    {
        lock (_gate)
        {
            Invariant.Holds(applied >= _applied, $"The applied index may not go back from {_applied} to {applied}.");
            Volatile.Write(ref _applied, applied);
        }

        Release();
    }

    public ValueTask WaitAsync(long index, CancellationToken cancellationToken)
    {
        TaskCompletionSource waiter;
        lock (_gate)
        {
            if (_failure is not null)
            {
                return ValueTask.FromException(_failure);
            }

            if (_reached >= index)
            {
                return default;
            }

            waiter = NewSource();
            _waiters.Enqueue(waiter, index);
        }

        return new(waiter.Task.WaitAsync(cancellationToken));
    }

    public ValueTask WaitForNextAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            return _failure is null ? new(_next.Task.WaitAsync(cancellationToken)) : ValueTask.FromException(_failure);
        }
    }

    /// <summary>The replica stops: every waiter receives the reason.</summary>
    public void Fail(Exception error)
    {
        List<TaskCompletionSource> failed;
        lock (_gate)
        {
            _failure ??= error;
            failed = [.. _waiters.UnorderedItems.Select(item => item.Element), _next];
            _waiters.Clear();
        }

        foreach (var waiter in failed)
        {
            // There may be no waiter for the next index, and then an unobserved failure must not be reported.
            _ = waiter.Task.ContinueWith(
                done => done.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            waiter.TrySetException(error);
        }
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Release()
    {
        List<TaskCompletionSource>? released = null;
        lock (_gate)
        {
            var reached = _holds.Count > 0 ? Math.Min(_applied, _holds.Keys.First() - 1) : _applied;
            if (reached <= _reached || _failure is not null)
            {
                return;
            }

            _reached = reached;
            while (_waiters.TryPeek(out var waiter, out var index) && index <= reached)
            {
                _waiters.Dequeue();
                (released ??= []).Add(waiter);
            }

            (released ??= []).Add(_next);
            _next = NewSource();
        }

        foreach (var waiter in released)
        {
            waiter.TrySetResult();
        }
    }
}
