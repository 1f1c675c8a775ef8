using KvRaft.V1;

namespace KvRaft.Node.Requests;

/// <summary>
/// The instant at which a request is abandoned, on the monotonic clock of this process, so that a change of the wall clock
/// does not end or prolong requests.
/// </summary>
internal readonly record struct Deadline(long Timestamp)
{
    public static Deadline After(TimeSpan span, TimeProvider time) =>
        new(time.GetTimestamp() + (long)(span.TotalSeconds * time.TimestampFrequency));

    public TimeSpan Remaining(TimeProvider time) => time.GetElapsedTime(time.GetTimestamp(), Timestamp);

    public bool HasPassed(TimeProvider time) => time.GetTimestamp() >= Timestamp;

    /// <summary>The time for the way to another node and back on a loaded machine: it is subtracted when a request is forwarded.</summary>
    private static readonly TimeSpan ForwardCost = TimeSpan.FromMilliseconds(5);

    /// <summary>The timeout to send to another node, in whole milliseconds; 0 or less means that it is too late to forward.</summary>
    public int MillisecondsToForward(TimeProvider time) =>
        (int)Math.Min((Remaining(time) - ForwardCost).TotalMilliseconds, int.MaxValue);

    /// <summary>
    /// The deadline of a caller: the earlier of the header's timeout and the deadline of the gRPC call, at most the node's maximum,
    /// and the node's default if neither is given.
    /// </summary>
    /// <param name="header">May be null.</param>
    /// <param name="callDeadline">gRPC's deadline, UTC; <see cref="DateTime.MaxValue"/> if the call has none.</param>
    /// <param name="limits">Default and maximum.</param>
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
