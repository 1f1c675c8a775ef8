namespace KvRaft.Raft.Catchup;

/// <summary>
/// The rate limit of all copies that this node pulls together, in bytes per second. It may change at any time; a waiting copy applies the new rate from its next
/// piece on. Thread-safe.
/// </summary>
public sealed class CopyBudget
{
    /// <summary>
    /// 128 MB/s, until the cluster sets another rate: an ordinary disk and link have enough capacity left for the foreground. A node that cannot receive the cluster's settings,
    /// because it lacks a checkpoint of group 0, can use it to catch up.
    /// </summary>
    public const long BytesPerSecondDefault = 128L << 20;

    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private long _bytesPerSecond;
    private long _taken;

    /// <summary>The moment at which all bytes taken so far are within the rate; by the monotonic clock.</summary>
    private long _paidAt;

    public CopyBudget(TimeProvider time, long bytesPerSecond = BytesPerSecondDefault)
    {
        ArgumentNullException.ThrowIfNull(time);
        ArgumentOutOfRangeException.ThrowIfLessThan(bytesPerSecond, 1);
        _time = time;
        _bytesPerSecond = bytesPerSecond;
        _paidAt = time.GetTimestamp();
    }

    public long BytesPerSecond
    {
        get => Volatile.Read(ref _bytesPerSecond);
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            Volatile.Write(ref _bytesPerSecond, value);
        }
    }

    /// <summary>Bytes taken since the process started.</summary>
    public long Taken => Volatile.Read(ref _taken);

    /// <summary>Takes bytes that were just copied, and waits until they are within the rate. Idle time is not accumulated.</summary>
    public async ValueTask TakeAsync(int bytes, CancellationToken cancellationToken)
    {
        var wait = Take(bytes);
        if (wait > TimeSpan.FromMilliseconds(1))
        {
            await Task.Delay(wait, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Takes the bytes; returns the moment at which they are within the rate.</summary>
    internal TimeSpan Take(int bytes)
    {
        lock (_lock)
        {
            var now = _time.GetTimestamp();
            _taken += bytes;
            _paidAt = Math.Max(_paidAt, now) + (long)((double)bytes / _bytesPerSecond * _time.TimestampFrequency);
            return _time.GetElapsedTime(now, _paidAt);
        }
    }
}

/// <summary>How much of a checkpoint a replica has copied, in bytes.</summary>
public sealed record CopyProgress(long Copied, long Total);
