using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.V1;

namespace KvRaft.Node.Answers;

/// <summary>How a window treats an answer that does not fit.</summary>
internal enum WindowFull
{
    /// <summary>All answers of the call go into one message: an answer that does not fit is refused.</summary>
    Refuse,

    /// <summary>Answers leave one after the other: the next waits until earlier ones were sent.</summary>
    Wait,
}

/// <summary>
/// The answers of one call or stream: bytes are taken before a value is read, and released when it was sent. If a caller needs more than it took, it first
/// releases that, so that callers never hold some bytes while they wait for more. Thread-safe.
/// </summary>
/// <param name="share">The share of the connection.</param>
/// <param name="bytesMax">The most that all answers together may hold; an answer that is larger than that is refused, or waits until it is the only one.</param>
/// <param name="full">The treatment of an answer that does not fit.</param>
/// <param name="guess">Bytes of the first attempt, if the size of an answer is unknown: most values are smaller.</param>
internal sealed class AnswerWindow(AnswerShare share, long bytesMax, WindowFull full, int guess) : IDisposable
{
    /// <summary>Bytes for the header and the tags around values in a message.</summary>
    public const int EnvelopeBytes = 64 * 1024;

    private readonly Lock _lock = new();
    private readonly Queue<Waiter> _waiting = new();

    /// <summary>Bytes taken of the window; and the part of them that the connection and the node have granted.</summary>
    private long _bytes;
    private long _granted;
    private bool _disposed;

    public int Guess => guess;

    public long BytesMax => bytesMax;

    /// <summary>Bytes taken.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Null: taken. Otherwise the refusal: the window, the connection or the node is full; nothing was taken.</summary>
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

    /// <summary>Releases all that is taken: the call has ended, and every answer was sent or never will be. Later releases of its operations are ignored.</summary>
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

        /// <summary>False: its caller has abandoned it.</summary>
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
