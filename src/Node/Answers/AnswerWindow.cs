using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.V1;

namespace KvRaft.Node.Answers;

/// <summary>What happens to an answer for which a window has no room.</summary>
internal enum WindowFull
{
    /// <summary>All answers of the call go into one message: what does not fit is refused.</summary>
    Refuse,

    /// <summary>Answers leave one after the other: the next waits until others were sent.</summary>
    Wait,
}

/// <summary>
/// The answers of one call or stream: room is taken before a value is read, and given back once it was sent. A caller that needs more than it took gives
/// that back first, so that callers never hold some room while they wait for more. Thread-safe.
/// </summary>
/// <param name="share">Of the connection.</param>
/// <param name="bytesMax">What all answers together may hold; one that is larger than all of it is refused, or waits until it is alone.</param>
/// <param name="full">What happens then.</param>
/// <param name="guess">Bytes to try first, where the size of an answer is not known: most values are smaller.</param>
internal sealed class AnswerWindow(AnswerShare share, long bytesMax, WindowFull full, int guess) : IDisposable
{
    /// <summary>Room for the header and the tags around values in a message.</summary>
    public const int EnvelopeBytes = 64 * 1024;

    private readonly Lock _lock = new();
    private readonly Queue<Waiter> _waiting = new();

    /// <summary>Taken of the window; and of that, what the connection and the node have granted.</summary>
    private long _bytes;
    private long _granted;
    private bool _disposed;

    public int Guess => guess;

    public long BytesMax => bytesMax;

    /// <summary>Bytes taken.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Null: there is room. Else why not: the window, the connection or the node is full; nothing was taken.</summary>
    public async ValueTask<Failure?> TakeAsync(long bytes, CancellationToken cancellationToken)
    {
        if (bytes == 0)
        {
            return null;
        }

        Waiter? waiter = null;
        lock (_lock)
        {
            if (_disposed)
            {
                return Failure.Deadline(Execution.NotExecuted);
            }

            if (_waiting.Count == 0 && HasRoomFor(bytes))
            {
                _bytes += bytes;
            }
            else if (full == WindowFull.Refuse)
            {
                return Failure.Limit(new LimitExceeded("answer", "limits.messageBytesMax", bytesMax, _bytes + bytes));
            }
            else
            {
                _waiting.Enqueue(waiter = new Waiter(bytes));
            }
        }

        if (waiter is not null)
        {
            await using var registration = cancellationToken.UnsafeRegister(static state => ((Waiter)state!).TrySet(false), waiter);
            if (!await waiter.Admitted)
            {
                return Failure.Deadline(Execution.NotExecuted);
            }
        }

        if (share.TryTake(bytes) is { } refusal)
        {
            Release(bytes);
            return refusal;
        }

        lock (_lock)
        {
            if (!_disposed)
            {
                _granted += bytes;
                return null;
            }
        }

        share.Give(bytes);
        return Failure.Deadline(Execution.NotExecuted);
    }

    /// <inheritdoc cref="AnswerBudget.Charge"/>
    public void Charge(long bytes)
    {
        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            (_bytes, _granted) = (_bytes + bytes, _granted + bytes);
        }

        share.Charge(bytes);
    }

    public void Give(long bytes)
    {
        if (bytes == 0)
        {
            return;
        }

        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            _granted -= bytes;
        }

        share.Give(bytes);
        Release(bytes);
    }

    /// <summary>Gives back all that is taken: the call is over, and everything was sent or never will be. What its operations still give back is ignored.</summary>
    public void Dispose()
    {
        long granted;
        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            (granted, _granted) = (_granted, 0);
            while (_waiting.TryDequeue(out var waiter))
            {
                waiter.TrySet(false);
            }
        }

        share.Give(granted);
    }

    private bool HasRoomFor(long bytes) => _bytes + bytes <= bytesMax || (_bytes == 0 && full == WindowFull.Wait);

    private void Release(long bytes)
    {
        List<Waiter>? admitted = null;
        lock (_lock)
        {
            _bytes -= bytes;
            while (_waiting.TryPeek(out var next) && (next.IsOver || HasRoomFor(next.Bytes)))
            {
                _waiting.Dequeue();
                if (next.TryReserve())
                {
                    _bytes += next.Bytes;
                    (admitted ??= []).Add(next);
                }
            }
        }

        foreach (var waiter in admitted ?? [])
        {
            waiter.Admit();
        }
    }

    private sealed class Waiter(long bytes)
    {
        private readonly TaskCompletionSource<bool> _admitted = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _settled;

        public long Bytes => bytes;

        public Task<bool> Admitted => _admitted.Task;

        public bool IsOver => Volatile.Read(ref _settled) != 0;

        /// <summary>False: its caller has given up.</summary>
        public bool TryReserve() => Interlocked.CompareExchange(ref _settled, 1, 0) == 0;

        public void Admit() => _admitted.TrySetResult(true);

        public void TrySet(bool admitted)
        {
            if (TryReserve())
            {
                _admitted.TrySetResult(admitted);
            }
        }
    }
}
