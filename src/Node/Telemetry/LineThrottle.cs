namespace KvRaft.Node.Telemetry;

/// <summary>
/// Writes one log line in ten seconds and counts the lines it suppresses: for lines that callers can cause at will, of which the first has all the information.
/// <see cref="BoundedLoggers"/> limits all other lines of a node. Thread-safe.
/// </summary>
internal sealed class LineThrottle(TimeProvider time)
{
    /// <summary>An operator sees that the condition persists, and a day of it is less than a megabyte.</summary>
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private long? _lastAt;
    private long _suppressed;

    /// <summary>True if the line may be written.</summary>
    /// <param name="suppressed">The number of lines suppressed since the last one that was written.</param>
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
