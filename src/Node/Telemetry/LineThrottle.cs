namespace KvRaft.Node.Telemetry;

/// <summary>
/// Lets one log line through in ten seconds and counts those it holds back: for lines that callers can cause at will, of which the first says all.
/// What else a node logs is bounded by <see cref="BoundedLoggers"/>. Thread-safe.
/// </summary>
internal sealed class LineThrottle(TimeProvider time)
{
    /// <summary>An operator who looks sees that it goes on, and a day of it is less than a megabyte.</summary>
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private long? _lastAt;
    private long _suppressed;

    /// <summary>True if the line may be written.</summary>
    /// <param name="suppressed">How many lines were held back since the last one that was written.</param>
    public bool TryPass(out long suppressed)
    {
        lock (_gate)
        {
            if (_lastAt is { } last && time.GetElapsedTime(last) < Period)
            {
                suppressed = ++_suppressed;
                return false;
            }

            suppressed = _suppressed;
            (_lastAt, _suppressed) = (time.GetTimestamp(), 0);
            return true;
        }
    }
}
