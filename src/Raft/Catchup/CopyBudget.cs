namespace KvRaft.Raft.Catchup;

/// <summary>
/// What all copies that this node pulls have together, in bytes each second. It may be changed at any time; who waits for his turn feels it with his next
/// piece. Thread-safe.
/// </summary>
public sealed class CopyBudget
{
    /// <summary>
    /// 128 MB/s, until the cluster says something else: leaves an ordinary disk and link room for the foreground, and lets a node that cannot hear the
    /// cluster, because it lacks a checkpoint of group 0, come back.
    /// </summary>
    public const long BytesPerSecondDefault = 128L << 20;

    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private long _bytesPerSecond;
    private long _taken;

    /// <summary>When what was taken so far is paid for; a moment of the monotonic clock.</summary>
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

    /// <summary>Bytes taken since the process began.</summary>
    public long Taken => Volatile.Read(ref _taken);

    /// <summary>Takes bytes that were just copied, and waits until they are paid for. Time in which nobody copied is not saved up.</summary>
    public async ValueTask TakeAsync(int bytes, CancellationToken cancellationToken)
    {
        var wait = Take(bytes);
        if (wait > TimeSpan.FromMilliseconds(1))
        {
            await Task.Delay(wait, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Takes them; answers when they are paid for.</summary>
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
