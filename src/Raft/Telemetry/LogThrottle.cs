namespace KvRaft.Raft.Telemetry;

/// <summary>
/// Writes one log line per period and counts the suppressed ones, so that a repeated fault, or a peer that repeats a message, cannot fill a disk with lines.
/// Thread-safe.
/// </summary>
internal sealed class LogThrottle(TimeSpan period, TimeProvider time)
{
    /// <summary>Ten seconds: an operator sees that the fault persists, and a day of it is less than a megabyte.</summary>
    public static readonly TimeSpan PeriodDefault = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private long _lastAt;
    private long _suppressed;
    private bool _hasPassed;

    /// <summary>True if the line may be written.</summary>
    /// <param name="suppressed">The number of lines suppressed since the last one that was written.</param>
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
