namespace KvRaft.Raft.Telemetry;

/// <summary>
/// Lets one log line through per period and counts those it holds back, so that a fault which repeats, or a peer which does, cannot fill a disk with lines.
/// Thread-safe.
/// </summary>
internal sealed class LogThrottle(TimeSpan period, TimeProvider time)
{
    /// <summary>Ten seconds: an operator who looks sees that it goes on, and a day of it is less than a megabyte.</summary>
    public static readonly TimeSpan PeriodDefault = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private long _lastAt;
    private long _suppressed;
    private bool _hasPassed;

    /// <summary>True if the line may be written.</summary>
    /// <param name="suppressed">How many lines were held back since the last one that was written.</param>
    public bool TryPass(out long suppressed)
    {
        lock (_gate)
        {
            if (_hasPassed && time.GetElapsedTime(_lastAt) < period)
            {
                suppressed = ++_suppressed;
                return false;
            }

            suppressed = _suppressed;
            (_lastAt, _suppressed, _hasPassed) = (time.GetTimestamp(), 0, true);
            return true;
        }
    }
}
