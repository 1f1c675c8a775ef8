using KvRaft.Node.Options;

namespace KvRaft.Node.Requests;

/// <summary>
/// Bounds what a node has in hand for all its callers together: operations, each key of a batch and each call of a pipe counted, and
/// the bytes of their requests; those of answers are bounded by <see cref="Answers.AnswerBudget"/>. What does not fit is refused at the door, before anything was done for it, with the time after which
/// there may be room. Calls about the node itself (Status, Hello, routes, keyspaces) are not asked: they must work when it is full.
/// <para>
/// A caller is refused earlier if its time would be over before its turn: what is in hand over what was answered lately is how long
/// newcomers wait (Little's law). That is asked only when half of the places are taken; below, there is no queue worth the name, and a few
/// requests that wait for an election must not close the door to shards that are well.
/// </para>
/// <para>One that is larger than a bound is let in when nobody else is there, rather than never. Thread-safe.</para>
/// </summary>
internal sealed class Admission(NodeOptions options, TimeProvider time)
{
    /// <summary>What is told if nothing was answered lately: about the time in which a leader empties its queue.</summary>
    private static readonly TimeSpan DelayUnknown = TimeSpan.FromMilliseconds(50);

    /// <summary>Shorter than this callers come back before anything has changed, longer than this they would rather ask elsewhere.</summary>
    private static readonly TimeSpan DelayMin = TimeSpan.FromMilliseconds(10);

    private static readonly TimeSpan DelayMax = TimeSpan.FromSeconds(1);

    /// <summary>How long answers are counted for one figure: longer than a round of the log, shorter than anybody's time-out.</summary>
    private static readonly TimeSpan Window = TimeSpan.FromMilliseconds(200);

    private readonly int _requestsMax = options.Limits.RequestsInHandMax;
    private readonly long _bytesMax = options.Limits.BytesInHandMax;
    private readonly Lock _measuring = new();
    private long _requests;
    private long _bytes;
    private long _answered;
    private long _refused;

    // Of the last whole window; written under the lock.
    private long _windowBegan = time.GetTimestamp();
    private long _answeredAtWindow;
    private double _perSecond;

    public long Requests => Volatile.Read(ref _requests);

    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Operations refused since the node started.</summary>
    public long Refused => Volatile.Read(ref _refused);

    /// <summary>Null: let in, to be followed by <see cref="Leave"/> with the same figures. Else what to answer.</summary>
    public Failure? TryEnter(int requests, long bytes, Deadline deadline)
    {
        var requestsNow = Interlocked.Add(ref _requests, requests);
        var bytesNow = Interlocked.Add(ref _bytes, bytes);
        var isAlone = requestsNow == requests;
        if (isAlone || (requestsNow <= _requestsMax && bytesNow <= _bytesMax && !OutlastsDeadline(requestsNow, deadline)))
        {
            return null;
        }

        Interlocked.Add(ref _requests, -requests);
        Interlocked.Add(ref _bytes, -bytes);
        Interlocked.Add(ref _refused, requests);
        return Failure.Overloaded(
            $"the node's work in hand ({requestsNow - requests} of {_requestsMax} requests, {bytesNow - bytes} of {_bytesMax} bytes)", Delay(requestsNow));
    }

    /// <param name="requests">As it was let in.</param>
    /// <param name="bytes">As it was let in.</param>
    public void Leave(int requests, long bytes)
    {
        Interlocked.Add(ref _requests, -requests);
        Interlocked.Add(ref _bytes, -bytes);
        Interlocked.Add(ref _answered, requests);
    }

    private bool OutlastsDeadline(long requests, Deadline deadline) =>
        requests > _requestsMax / 2 && PerSecond() is > 0 and var perSecond && TimeSpan.FromSeconds(requests / perSecond) > deadline.Remaining(time);

    /// <summary>Until half of the places are free again.</summary>
    private TimeSpan Delay(long requests)
    {
        if (PerSecond() is not (> 0 and var perSecond))
        {
            return DelayUnknown;
        }

        var seconds = Math.Max(0, requests - (_requestsMax / 2)) / perSecond;
        return TimeSpan.FromSeconds(Math.Clamp(seconds, DelayMin.TotalSeconds, DelayMax.TotalSeconds));
    }

    /// <summary>Operations answered in a second, lately; zero if none was.</summary>
    private double PerSecond()
    {
        lock (_measuring)
        {
            var elapsed = time.GetElapsedTime(_windowBegan);
            if (elapsed >= Window)
            {
                var answered = Volatile.Read(ref _answered);
                _perSecond = (answered - _answeredAtWindow) / elapsed.TotalSeconds;
                (_windowBegan, _answeredAtWindow) = (time.GetTimestamp(), answered);
            }

            return _perSecond;
        }
    }
}
