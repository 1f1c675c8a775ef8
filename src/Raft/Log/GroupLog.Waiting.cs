namespace KvRaft.Raft.Log;

/// <content>Who waits for what to be durable. All of it under the group's lock.</content>
internal sealed partial class GroupLog
{
    // Waits run at the pace of messages; more than this many at once are let go to the garbage collector.
    private const int IdleWaitersMax = 16;

    private readonly List<DurableWaiter> _waiters = [];
    private readonly Stack<DurableWaiter> _idleWaiters = new();

    /// <summary>Everything this group queued so far is on disk. Completes at once when it is.</summary>
    /// <exception cref="LogFailedException">The log failed; whether it is on disk is unknown.</exception>
    public ValueTask WhenDurableAsync()
    {
        lock (_lock)
        {
            return _failure is null && _ticketDurable >= _ticketQueued ? ValueTask.CompletedTask : Wait(_ticketQueued, isForIndex: false);
        }
    }

    /// <summary>The entry that is at <paramref name="index"/> now is on disk.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such entry.</exception>
    /// <exception cref="LogEntryCutException">It was cut before.</exception>
    /// <exception cref="LogFailedException">The log failed; whether it is on disk is unknown.</exception>
    public ValueTask WaitDurableAsync(long index)
    {
        lock (_lock)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(index, LastUnlocked.Index);
            return _failure is null && index <= _durableIndex ? ValueTask.CompletedTask : Wait(index, isForIndex: true);
        }
    }

    /// <summary>The log failed: nobody will be told that anything is durable.</summary>
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
