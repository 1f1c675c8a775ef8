namespace KvRaft.Node.Requests;

/// <summary>
/// Limits the calls and bytes that one pipe has in progress. One reader enters, and waits here when the gate is full. Then it stops reading,
/// and HTTP/2 flow control stops the sender. A call larger than the byte limit enters when no other call is in progress.
/// <see cref="EnterAsync"/> has one caller at a time; <see cref="Leave"/> any number.
/// </summary>
internal sealed class InFlightGate(int callsMax, long bytesMax)
{
    private readonly Lock _lock = new();
    private int _calls;
    private long _bytes;
    private long _waitingBytes;
    private TaskCompletionSource? _waiter;
    private TaskCompletionSource? _drained;

    public int Calls => Volatile.Read(ref _calls);

    public ValueTask EnterAsync(long bytes)
    {
        lock (_lock)
        {
            if (HasRoomFor(bytes))
            {
                Take(bytes);
                return ValueTask.CompletedTask;
            }

            _waitingBytes = bytes;
            _waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return new ValueTask(_waiter.Task);
        }
    }

    public void Leave(int calls, long bytes)
    {
        TaskCompletionSource? admitted = null;
        TaskCompletionSource? drained = null;
        lock (_lock)
        {
            _calls -= calls;
            _bytes -= bytes;
            if (_waiter is not null && HasRoomFor(_waitingBytes))
            {
                Take(_waitingBytes);
                (admitted, _waiter) = (_waiter, null);
            }

            if (_calls == 0)
            {
                (drained, _drained) = (_drained, null);
            }
        }

        admitted?.SetResult();
        drained?.SetResult();
    }

    /// <summary>Completes when every call that entered has left. Call it after the last <see cref="EnterAsync"/> completed.</summary>
    public Task DrainAsync()
    {
        lock (_lock)
        {
            if (_calls == 0)
            {
                return Task.CompletedTask;
            }

            _drained ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _drained.Task;
        }
    }

    private bool HasRoomFor(long bytes) => _calls == 0 || (_calls < callsMax && _bytes + bytes <= bytesMax);

    private void Take(long bytes)
    {
        _calls++;
        _bytes += bytes;
    }
}
