using KvRaft.Node.Options;

namespace KvRaft.Node.Requests;

/// <summary>
/// Limits the requests that a node processes at once, of all callers together: operations (each key of a batch and each call of a pipe counts) and
/// the bytes of their requests. <see cref="Answers.AnswerBudget"/> limits the bytes of answers. A request that does not fit is refused before any work is done for it; the refusal names
/// the delay after which there may be room. Calls about the node itself (Status, Hello, routes, keyspaces) are not counted: they must work when the node is full.
/// <para>
/// If a request would still wait when its deadline ends, it is refused at once: a new request waits for the number of admitted requests divided by
/// the recent rate of answers (Little's law). This rule applies only when half of the places are taken: below that there is no queue, and a few
/// requests that wait for an election must not block requests for healthy shards.
/// </para>
/// <para>A request that is larger than a limit is admitted when no other request is admitted. Thread-safe.</para>
/// </summary>
internal sealed class Admission(NodeOptions options, TimeProvider time)
{
    /// <summary>The delay to return if no request was answered recently: about the time in which a leader empties its queue.</summary>
    private static readonly TimeSpan DelayUnknown = TimeSpan.FromMilliseconds(50);

    /// <summary>The limits of the delay. After a shorter delay nothing has changed; after a longer one a caller would do better to try another node.</summary>
    private static readonly TimeSpan DelayMin = TimeSpan.FromMilliseconds(10);

    private static readonly TimeSpan DelayMax = TimeSpan.FromSeconds(1);

    /// <summary>How long answers are counted for one rate: longer than one round of the log, shorter than any request timeout.</summary>
    private static readonly TimeSpan Window = TimeSpan.FromMilliseconds(200);

    private readonly int _requestsMax = options.Limits.RequestsInHandMax;
    private readonly long _bytesMax = options.Limits.BytesInHandMax;
    private readonly Lock _measuring = new();
    private long _requests;
    private long _bytes;
    private long _answered;
    private long _refused;

    // Of the last complete window; written under the lock.
    private long _windowBegan = time.GetTimestamp();
    private long _answeredAtWindow;
    private double _perSecond;

    public long Requests => Volatile.Read(ref _requests);

    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Operations that were admitted and have ended since the node started.</summary>
    public long Answered => Volatile.Read(ref _answered);

    /// <summary>Operations refused since the node started.</summary>
    public long Refused => Volatile.Read(ref _refused);

    /// <summary>Null: the request is admitted, and the caller must call <see cref="Leave"/> with the same figures. Otherwise the failure to return.</summary>
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

    /// <param name="requests">The same value as at admission.</param>
    /// <param name="bytes">The same value as at admission.</param>
    public void Leave(int requests, long bytes)
    {
        Interlocked.Add(ref _requests, -requests);
        Interlocked.Add(ref _bytes, -bytes);
        Interlocked.Add(ref _answered, requests);
    }

    private bool OutlastsDeadline(long requests, Deadline deadline) =>
        requests > _requestsMax / 2 && PerSecond() is > 0 and var perSecond && TimeSpan.FromSeconds(requests / perSecond) > deadline.Remaining(time);

    /// <summary>The time until half of the places are free again.</summary>
    private TimeSpan Delay(long requests)
    {
        if (PerSecond() is not (> 0 and var perSecond))
        {
            return DelayUnknown;
        }

        var seconds = Math.Max(0, requests - (_requestsMax / 2)) / perSecond;
        return TimeSpan.FromSeconds(Math.Clamp(seconds, DelayMin.TotalSeconds, DelayMax.TotalSeconds));
    }

    /// <summary>The recent rate of answers, operations per second; zero if none was answered.</summary>
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
