namespace KvRaft.Node.Requests;

/// <summary>
/// Cancellation tokens for deadlines, shared by all requests that end within the same few milliseconds. A pipe carries hundreds
/// of thousands of operations a second, nearly all with the same timeout; a timer for each would cost more than routing it.
/// A token fires at most <see cref="Grain"/> after the requested deadline, never before. Thread-safe.
/// </summary>
internal sealed class DeadlineTokens(TimeProvider time)
{
    /// <summary>One kernel tick at 64 Hz; no timeout needs more precision.</summary>
    public static readonly TimeSpan Grain = TimeSpan.FromMilliseconds(16);

    private readonly long _grainTicks = Math.Max(1, (long)(Grain.TotalSeconds * time.TimestampFrequency));
    private readonly Lock _lock = new();
    private readonly Dictionary<long, CancellationTokenSource> _byBucket = [];

    // The bucket of the last request, as one immutable pair: nearly every request finds its token here without the lock.
    private volatile Bucket? _last;

    public CancellationToken For(Deadline deadline)
    {
        var number = deadline.Timestamp / _grainTicks;
        return _last is { } last && last.Number == number ? last.Token : Find(number);
    }

    private CancellationToken Find(long number)
    {
        lock (_lock)
        {
            if (!_byBucket.TryGetValue(number, out var source))
            {
                var end = new Deadline((number + 1) * _grainTicks).Remaining(time);
                if (end <= TimeSpan.Zero)
                {
                    return new CancellationToken(canceled: true);
                }

                source = new CancellationTokenSource(end, time);
                _byBucket.Add(number, source);
                source.Token.UnsafeRegister(_ => Forget(number), null);
            }

            _last = new Bucket(number, source.Token);
            return source.Token;
        }
    }

    // The source is not disposed: a caller may have received its token and not registered yet. Its timer has fired, and
    // it holds nothing else.
    private void Forget(long number)
    {
        lock (_lock)
        {
            _byBucket.Remove(number);
        }
    }

    private sealed record Bucket(long Number, CancellationToken Token);
}
