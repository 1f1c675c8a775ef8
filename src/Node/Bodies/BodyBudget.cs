using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using Microsoft.AspNetCore.Connections.Features;

namespace KvRaft.Node.Bodies;

/// <summary>
/// Limits the bytes of requests that a node holds: from their arrival, complete or in part, until the call has ended or, in a stream, until a message was read from
/// them. <see cref="Requests.Admission"/> sees a request only when it is complete; before that it costs as much memory, and nothing obliges a client to send the rest.
/// <para>
/// One connection may hold half. Small requests may exceed the limit by an eighth, so that they are served while other clients have filled the node with large ones. When the
/// budget is full, requests that have waited for their next bytes for <see cref="StallMax"/> are ended.
/// </para>
/// Thread-safe.
/// </summary>
internal sealed class BodyBudget(NodeOptions options, TimeProvider time)
{
    public const string Setting = "limits.bodyBytesInHandMax";

    /// <summary>Requests up to this size may use the reserve.</summary>
    public const long SmallBytesMax = 64 * 1024;

    /// <summary>Longer than a sending client needs for its next bytes.</summary>
    public static readonly TimeSpan StallMax = TimeSpan.FromSeconds(2);

    private const int ReserveShift = 3;

    private static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(50);
    private static readonly object ShareKey = new();

    private readonly Lock _lock = new();
    private readonly LinkedList<Wait> _waiting = [];
    private long _bytes;
    private long _refused;

    public long BytesMax { get; } = options.Limits.BodyBytesInHandMax;

    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Requests refused since the node started.</summary>
    public long Refused => Volatile.Read(ref _refused);

    public RequestBody Open(HttpContext context) => new(this, ShareOf(context));

    /// <summary>Null: taken. Otherwise the refusal; nothing was taken.</summary>
    /// <param name="share">The share of the connection.</param>
    /// <param name="bytes">The bytes to take.</param>
    /// <param name="body">The bytes that the request then holds.</param>
    internal Failure? TryTake(BodyShare share, long bytes, long body)
    {
        if (body > BytesMax)
        {
            Interlocked.Increment(ref _refused);
            return Failure.Limit(new LimitExceeded("body", Setting, BytesMax, body));
        }

        if (Fits(share, bytes, body) || (EndStalled() && Fits(share, bytes, body)))
        {
            return null;
        }

        Interlocked.Increment(ref _refused);
        var bytesNow = Bytes;
        return Failure.Full("the node's requests in hand", Setting, bytesNow, BytesMax, bytesNow + bytes, Delay);
    }

    internal void Give(BodyShare share, long bytes)
    {
        Interlocked.Add(ref _bytes, -bytes);
        Interlocked.Add(ref share.Bytes, -bytes);
    }

    /// <summary>Registers a request that holds bytes and waits for more, until it is disposed.</summary>
    /// <param name="end">Ends the request; called at most once, and never under a lock.</param>
    internal Wait Await(Action end)
    {
        var wait = new Wait(this, time.GetTimestamp(), end);
        lock (_lock)
        {
            wait.Place = _waiting.AddLast(wait);
        }

        return wait;
    }

    private bool Fits(BodyShare share, long bytes, long body)
    {
        var isSmall = body <= SmallBytesMax;
        var shareNow = Interlocked.Add(ref share.Bytes, bytes);
        if (isSmall || shareNow <= BytesMax / 2 || shareNow == body)
        {
            if (Interlocked.Add(ref _bytes, bytes) <= (isSmall ? BytesMax + (BytesMax >> ReserveShift) : BytesMax))
            {
                return true;
            }

            Interlocked.Add(ref _bytes, -bytes);
        }

        Interlocked.Add(ref share.Bytes, -bytes);
        return false;
    }

    private bool EndStalled()
    {
        List<Wait>? stalled = null;
        lock (_lock)
        {
            // In the order of their start.
            while (_waiting.First is { } first && time.GetElapsedTime(first.Value.Began) >= StallMax)
            {
                _waiting.RemoveFirst();
                (stalled ??= []).Add(first.Value);
            }
        }

        stalled?.ForEach(static wait => wait.End());
        return stalled is not null;
    }

    private static BodyShare ShareOf(HttpContext context)
    {
        if (context.Features.Get<IConnectionItemsFeature>()?.Items is not { } items)
        {
            return new BodyShare();
        }

        lock (items)
        {
            if (items.TryGetValue(ShareKey, out var known) && known is BodyShare share)
            {
                return share;
            }

            var fresh = new BodyShare();
            items[ShareKey] = fresh;
            return fresh;
        }
    }

    /// <summary>A request that waits for its next bytes.</summary>
    internal sealed class Wait(BodyBudget budget, long began, Action end) : IDisposable
    {
        public long Began => began;

        internal LinkedListNode<Wait>? Place { get; set; }

        public void Dispose()
        {
            lock (budget._lock)
            {
                if (Place is { List: not null } place)
                {
                    budget._waiting.Remove(place);
                }
            }
        }

        internal void End() => end();
    }
}

/// <summary>The part of the <see cref="BodyBudget"/> that the requests of one connection hold.</summary>
internal sealed class BodyShare
{
    internal long Bytes;
}
