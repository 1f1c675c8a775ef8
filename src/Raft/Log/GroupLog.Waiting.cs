namespace KvRaft.Raft.Log;

/// <content>Waits for durability. All members run under the group's lock.</content>
internal sealed partial class GroupLog
{
    // Waits occur as often as messages; above this number they are left to the garbage collector instead of the pool.
    private const int IdleWaitersMax = 16;

    private readonly List<DurableWaiter> _waiters = [];
    private readonly Stack<DurableWaiter> _idleWaiters = new();

    /// <summary>Completes when all records that this group queued so far are on disk; at once if they are already.</summary>
    /// <exception cref="LogFailedException">The log failed; whether the records are on disk is unknown.</exception>
    public ValueTask WhenDurableAsync()
    {
        lock (_lock)
        {
            return _failure is null && _ticketDurable >= _ticketQueued ? ValueTask.CompletedTask : Wait(_ticketQueued, isForIndex: false);
        }
    }

    /// <summary>Completes when the entry that is at <paramref name="index"/> now is on disk.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such entry.</exception>
    /// <exception cref="LogEntryCutException">The entry was truncated before that.</exception>
    /// <exception cref="LogFailedException">The log failed; whether the entry is on disk is unknown.</exception>
    public ValueTask WaitDurableAsync(long index)
    {
        lock (_lock)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(index, LastUnlocked.Index);
            return _failure is null && index <= _durableIndex ? ValueTask.CompletedTask : Wait(index, isForIndex: true);
        }
    }

    /// <summary>The log failed: no pending wait completes successfully.</summary>
    public void Fail(LogFailedException failure)
    {
        lock (_lock)
        {
            _failure ??= failure;
            foreach (var waiter in _waiters)
            {
                waiter.Fail(_failure);
            }

            _waiters.Clear();
        }
    }

    private ValueTask Wait(long target, bool isForIndex)
    {
        if (_failure is not null)
        {
            return ValueTask.FromException(_failure);
        }

        var waiter = _idleWaiters.TryPop(out var idle) ? idle : new DurableWaiter(GiveBack);
        _waiters.Add(waiter);
        return waiter.Start(target, isForIndex);
    }

    private void GiveBack(DurableWaiter waiter)
    {
        lock (_lock)
        {
            if (_idleWaiters.Count < IdleWaitersMax)
            {
                _idleWaiters.Push(waiter);
            }
        }
    }

    private void CompleteWaiters()
    {
        for (var i = _waiters.Count - 1; i >= 0; i--)
        {
            var waiter = _waiters[i];
            if ((waiter.IsForIndex ? _durableIndex : _ticketDurable) >= waiter.Target)
            {
                _waiters.RemoveAt(i);
                waiter.Complete();
            }
        }
    }

    private void FailWaitersFrom(long index)
    {
        for (var i = _waiters.Count - 1; i >= 0; i--)
        {
            var waiter = _waiters[i];
            if (waiter.IsForIndex && waiter.Target >= index)
            {
                _waiters.RemoveAt(i);
                waiter.Fail(new LogEntryCutException(waiter.Target));
            }
        }
    }
}
