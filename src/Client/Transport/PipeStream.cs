using System.Collections.Concurrent;
using System.Threading.Channels;
using Grpc.Core;
using KvRaft.Client.Routing;
using KvRaft.V1;

namespace KvRaft.Client.Transport;

/// <summary>
/// One stream to one node, from its start to its first fault. Callers put calls into a queue; one loop packs whatever waits into
/// one message and writes it, so that the busier the pipe the larger its messages; one loop reads answers and finds their
/// callers by correlation id. After a fault every call under way has ended with it, and the owner makes a new stream; nothing is
/// repeated here.
/// </summary>
internal sealed class PipeStream : IAsyncDisposable
{
    /// <summary>256 KiB a message: large enough to make the cost of a message small against its bytes, small enough that a put does
    /// not wait long behind the message before it, and far below the 4 MiB a node takes.</summary>
    private const int MessageBytesEnough = 256 * 1024;

    /// <summary>512 calls a message: half of what a pipe holds, so that one message can be built while another is answered.</summary>
    private const int MessageCallsMax = 512;

    /// <summary>50 ms: how late the end of an attempt may be noticed; against time-outs of a second that is little, and one timer
    /// for all calls costs far less than one each.</summary>
    private static readonly TimeSpan SweepPeriod = TimeSpan.FromMilliseconds(50);

    /// <summary>1 s: the status of a stream that ended follows at once; this is for the case that it never comes.</summary>
    private static readonly TimeSpan WitnessPatience = TimeSpan.FromSeconds(1);

    private readonly AsyncDuplexStreamingCall<PipeRequest, PipeResponse> _stream;
    private readonly TimeProvider _time;
    private readonly int _messageBytesMax;
    private readonly SemaphoreSlim _places;
    private readonly Channel<PendingCall> _queue = Channel.CreateUnbounded<PendingCall>(new() { SingleReader = true });
    private readonly ConcurrentDictionary<long, PendingCall> _waiting = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly ITimer _sweep;
    private readonly Task _loops;
    private long _correlation;
    private Failure? _fault;

    public PipeStream(Kv.KvClient client, KvClientOptions options)
    {
        _time = options.TimeProvider;
        _messageBytesMax = Math.Min(MessageBytesEnough, options.MessageBytesMax);
        _places = new SemaphoreSlim(options.PipeInFlightMax);
        _stream = client.Pipe(new CallOptions(cancellationToken: _stop.Token));
        _sweep = _time.CreateTimer(static pipe => ((PipeStream)pipe!).Sweep(), this, SweepPeriod, SweepPeriod);

        // Last: a loop may meet the end of the stream before this constructor returns, and then uses everything above.
        _loops = Task.WhenAll(Task.Run(WriteLoopAsync), Task.Run(ReadLoopAsync));
    }

    /// <summary>The stream has ended; calls made now fail at once, unsent.</summary>
    public bool IsBroken => Volatile.Read(ref _fault) is not null;

    /// <summary>Calls that wait for an answer.</summary>
    public int InFlight => _waiting.Count;

    /// <param name="fill">Puts the operation into the call.</param>
    /// <param name="bytes">What the call takes in a message, at most.</param>
    /// <param name="timeout">For this attempt.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled; the call may have been sent.</exception>
    public async ValueTask<AttemptResult<PipeAnswer>> CallAsync(
        Action<PipeCall> fill, int bytes, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var startedAt = _time.GetTimestamp();
        if (!await EnterAsync(timeout, cancellationToken).ConfigureAwait(false))
        {
            return Volatile.Read(ref _fault) is { } fault ? FailureReader.Broken(fault, sent: false) : FailureReader.NoAnswer(sent: false, timeout);
        }

        var call = new PipeCall { CorrelationId = Interlocked.Increment(ref _correlation) };
        fill(call);
        var pending = new PendingCall(call, bytes, startedAt, timeout);
        try
        {
            Enqueue(pending);
            await using var registration = cancellationToken.UnsafeRegister(
                static (state, token) => ((PendingCall)state!).Cancel(token), pending).ConfigureAwait(false);
            return await pending.Completion.ConfigureAwait(false);
        }
        finally
        {
            _waiting.TryRemove(pending.CorrelationId, out _);
            _places.Release();
        }
    }

    /// <summary>Ends the stream; calls under way fail.</summary>
    public async ValueTask DisposeAsync()
    {
        Break(new Failure(StatusCode.Cancelled, "CANCELLED", "the client was closed", KvOutcome.Unknown) { Kind = FailureKind.Unavailable }, carried: true);
        await _loops.ConfigureAwait(false);
    }

    private async ValueTask<bool> EnterAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        // No fast path of one's own: WaitAsync completes at once where there is a place.
        return !IsBroken && await _places.WaitAsync(timeout, cancellationToken).ConfigureAwait(false);
    }

    private void Enqueue(PendingCall pending)
    {
        _waiting[pending.CorrelationId] = pending;
        _queue.Writer.TryWrite(pending);

        // The stream may have broken between the check at the door and now, and have missed this call when it failed the others.
        if (Volatile.Read(ref _fault) is { } fault)
        {
            pending.Fail(sent => FailureReader.Broken(fault, sent));
        }
    }

    private async Task WriteLoopAsync()
    {
        try
        {
            while (await _queue.Reader.WaitToReadAsync(_stop.Token).ConfigureAwait(false))
            {
                var message = TakeMessage();
                if (message.Calls.Count > 0)
                {
                    // Waited for only until the stop: a write that waits for the node to make room has been seen to outlive its token and its call, for good.
                    await _stream.RequestStream.WriteAsync(message, _stop.Token).WaitAsync(_stop.Token).ConfigureAwait(false);
                }
            }
        }
        catch (Exception fault)
        {
            // The reader sees the status the node ended the stream with and is the better witness; but it must not be waited for long.
            await Task.Delay(WitnessPatience, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Break(EndedUnderTheWriter(fault), carried: !IsStillborn(fault));
            if (!IsStreamFault(fault))
            {
                throw;
            }
        }
    }

    /// <summary>What waits, as far as it makes one good message; a call larger than that is a message of its own.</summary>
    private PipeRequest TakeMessage()
    {
        var message = new PipeRequest();
        var bytes = 0;
        while (message.Calls.Count < MessageCallsMax
            && _queue.Reader.TryPeek(out var next)
            && (message.Calls.Count == 0 || bytes + next.Bytes <= _messageBytesMax)
            && _queue.Reader.TryRead(out var pending))
        {
            if (pending.TrySend())
            {
                message.Calls.Add(pending.Call);
                bytes += pending.Bytes;
            }
        }

        return message;
    }

    private async Task ReadLoopAsync()
    {
        try
        {
            while (await _stream.ResponseStream.MoveNext(_stop.Token).ConfigureAwait(false))
            {
                foreach (var answer in _stream.ResponseStream.Current.Answers)
                {
                    // An answer nobody waits for belongs to a call that was given up.
                    if (_waiting.TryRemove(answer.CorrelationId, out var pending))
                    {
                        pending.Answer(answer);
                    }
                }
            }

            Break(new Failure(StatusCode.Unavailable, "UNAVAILABLE", "the node closed the pipe", KvOutcome.Unknown)
            {
                Kind = FailureKind.Unavailable,
            }, carried: true);
        }
        catch (Exception fault)
        {
            Break(Ended(fault), carried: !IsStillborn(fault));
            if (!IsStreamFault(fault))
            {
                throw;
            }
        }
    }

    private static Failure Ended(Exception fault) => fault is RpcException status
        ? FailureReader.Read(status, sent: true)
        : new Failure(StatusCode.Unavailable, "UNAVAILABLE", fault.Message, KvOutcome.Unknown)
        {
            Kind = FailureKind.Unavailable,
            Cause = fault,
        };

    /// <summary>A write into a stream that the node has ended is cancelled by gRPC, as if we had wanted it; nobody else should read that.</summary>
    private static Failure EndedUnderTheWriter(Exception fault) => Ended(fault) is { Code: not StatusCode.Cancelled } known
        ? known
        : new Failure(StatusCode.Unavailable, "UNAVAILABLE", "the node ended the pipe while it was written to", KvOutcome.Unknown)
        {
            Kind = FailureKind.Unavailable,
            Cause = fault,
        };

    /// <summary>
    /// Nothing the stream was given can have been executed: there never was a connection, or the node let nobody in. Any other end says nothing of
    /// the calls before the one it is about, not even a refusal.
    /// </summary>
    private static bool IsStillborn(Exception fault) => fault is RpcException status
        && (ConnectionFaults.NeverConnected(status)
            || status.StatusCode is StatusCode.Unimplemented or StatusCode.Unauthenticated or StatusCode.PermissionDenied);

    // What gRPC throws when a stream ends under a reader or writer. Anything else is a bug: it ends the stream like the others, so that
    // nobody waits, and surfaces in DisposeAsync.
    private static bool IsStreamFault(Exception fault) =>
        fault is RpcException or OperationCanceledException or InvalidOperationException or IOException or HttpRequestException;

    private void Sweep()
    {
        foreach (var pending in _waiting.Values)
        {
            if (_time.GetElapsedTime(pending.StartedAt) >= pending.Timeout)
            {
                pending.Fail(sent => FailureReader.NoAnswer(sent, pending.Timeout));
            }
        }
    }

    /// <param name="fault">Why it ends.</param>
    /// <param name="carried">What the writer handed to it may have arrived.</param>
    private void Break(Failure fault, bool carried)
    {
        if (Interlocked.CompareExchange(ref _fault, fault, null) is not null)
        {
            return;
        }

        _sweep.Dispose();
        _queue.Writer.TryComplete();
        foreach (var pending in _waiting.Values)
        {
            pending.Fail(sent => FailureReader.Broken(fault, sent && carried));
        }

        _stop.Cancel();
        _stream.Dispose();
    }
}
