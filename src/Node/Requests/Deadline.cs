using KvRaft.V1;

namespace KvRaft.Node.Requests;

/// <summary>
/// The instant at which a request is given up, on the monotonic clock of this process, so that setting the wall clock neither
/// kills nor revives requests.
/// </summary>
internal readonly record struct Deadline(long Timestamp)
{
    public static Deadline After(TimeSpan span, TimeProvider time) =>
        new(time.GetTimestamp() + (long)(span.TotalSeconds * time.TimestampFrequency));

    public TimeSpan Remaining(TimeProvider time) => time.GetElapsedTime(time.GetTimestamp(), Timestamp);

    public bool HasPassed(TimeProvider time) => time.GetTimestamp() >= Timestamp;

    /// <summary>The way to another node and back, on a loaded machine: what is kept of the time when a request is passed on.</summary>
    private static readonly TimeSpan ForwardCost = TimeSpan.FromMilliseconds(5);

    /// <summary>What to allow another node, whole milliseconds; 0 or less means that passing it on is too late.</summary>
    public int MillisecondsToForward(TimeProvider time) =>
        (int)Math.Min((Remaining(time) - ForwardCost).TotalMilliseconds, int.MaxValue);

    /// <summary>
    /// The caller's patience: the earlier of the header's time-out and the call's own deadline, at most what the node allows,
    /// and the node's default if neither is given.
    /// </summary>
    /// <param name="header">May be null.</param>
    /// <param name="callDeadline">gRPC's deadline, UTC; <see cref="DateTime.MaxValue"/> if the call has none.</param>
    /// <param name="limits">Default and ceiling.</param>
    /// <param name="time">The clocks.</param>
    public static Deadline Of(RequestHeader? header, DateTime callDeadline, Options.Limits limits, TimeProvider time)
    {
        var patience = header is { TimeoutMs: > 0 } ? TimeSpan.FromMilliseconds(header.TimeoutMs) : TimeSpan.MaxValue;
        if (callDeadline != DateTime.MaxValue)
        {
            var left = callDeadline - time.GetUtcNow().UtcDateTime;
            patience = left < patience ? left : patience;
        }

        if (patience == TimeSpan.MaxValue)
        {
            patience = limits.TimeoutDefault;
        }

        return After(patience < limits.TimeoutMax ? patience : limits.TimeoutMax, time);
    }
}
