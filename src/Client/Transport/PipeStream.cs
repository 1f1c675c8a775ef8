using System.Collections.Concurrent;
using System.Threading.Channels;
using Grpc.Core;
using KvRaft.Client.Failures;
using KvRaft.V1;

namespace KvRaft.Client.Transport;

/// <summary>
/// One stream to one node, from its start to its first fault. Callers put calls into a queue. One loop combines all waiting calls into one message
/// and writes it, so messages grow with the load. Another loop reads answers and finds the callers by correlation id. A fault ends every call under
/// way, and the owner opens a new stream; this class repeats nothing.
/// </summary>
internal sealed class PipeStream : IAsyncDisposable
{
    /// <summary>
    /// 256 KiB per message: large enough that the fixed cost of a message is small, small enough that a put does not wait long behind the message
    /// before it, and far below the limit of a node, 4 MiB.
    /// </summary>
    private const int MessageBytesEnough = 256 * 1024;

    /// <summary>512 calls per message: half of the capacity of a pipe, so that one message can be built while another is answered.</summary>
    private const int MessageCallsMax = 512;

    /// <summary>
    /// 50 ms: the maximum delay in detecting the timeout of an attempt. This is small compared to timeouts of a second, and one timer for all calls
    /// costs far less than one per call.
    /// </summary>
    private static readonly TimeSpan SweepPeriod = TimeSpan.FromMilliseconds(50);

    /// <summary>1 s: the status of an ended stream arrives at once; this is the limit if it never arrives.</summary>
    private static readonly TimeSpan WitnessPatience = TimeSpan.FromSeconds(1);

    private readonly AsyncDuplexStreamingCall<PipeRequest, PipeResponse> _stream;
    private readonly TimeProvider _time;
    private readonly Func<bool> _hasConnected;
    private readonly int _messageBytesMax;
    private readonly SemaphoreSlim _places;
    private readonly Channel<PendingCall> _queue = Channel.CreateUnbounded<PendingCall>(new() { SingleReader = true });
    private readonly ConcurrentDictionary<long, PendingCall> _waiting = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly ITimer _sweep;
    private readonly Task _loops;
    private long _correlation;
    private Failure? _fault;

    /// <param name="client">Opens the stream.</param>
    /// <param name="options">Limits and the clock.</param>
    /// <param name="hasConnected">See <see cref="NodeConnection.HasConnected"/>.</param>
    public PipeStream(Kv.KvClient client, KvClientOptions options, Func<bool> hasConnected)
    {
        _hasConnected = hasConnected;
        _time = options.TimeProvider;
        _messageBytesMax = Math.Min(MessageBytesEnough, options.MessageBytesMax);
        _places = new SemaphoreSlim(options.PipeInFlightMax);
        _stream = client.Pipe(new CallOptions(cancellationToken: _stop.Token));
        _sweep = _time.CreateTimer(static pipe => ((PipeStream)pipe!).Sweep(), this, SweepPeriod, SweepPeriod);

        // Last: a loop may reach the end of the stream before this constructor returns, and then uses all fields above.
        _loops = Task.WhenAll(Task.Run(WriteLoopAsync), Task.Run(ReadLoopAsync));
    }

    /// <summary>The stream has ended; new calls fail at once, unsent.</summary>
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
        // No fast path is needed: WaitAsync completes synchronously if there is a free slot.
        return !IsBroken && await _places.WaitAsync(timeout, cancellationToken).ConfigureAwait(false);
    }

    private void Enqueue(PendingCall pending)
    {
        _waiting[pending.CorrelationId] = pending;
        _queue.Writer.TryWrite(pending);

        // The stream may have broken after the check at the start, and its cleanup may have missed this call.
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
                    // The wait ends with the stop: a write that waits for flow control of the node was observed to continue for ever after its token
                    // was cancelled and its call was disposed.
                    await _stream.RequestStream.WriteAsync(message, _stop.Token).WaitAsync(_stop.Token).ConfigureAwait(false);
                }
            }
        }
        catch (Exception fault)
        {
            // The reader sees the status with which the node ended the stream, which is more precise; but the wait for it is limited.
            await Task.Delay(WitnessPatience, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Break(EndedUnderTheWriter(fault), carried: !IsStillborn(fault));
            if (!IsStreamFault(fault))
            {
                throw;
            }
        }
    }

    /// <summary>The waiting calls, up to the size of one message; a larger call is a message of its own.</summary>
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
                    // An answer without a waiting call belongs to a call that was given up.
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

    /// <summary>
    /// gRPC reports a write into an ended stream as cancelled, as if the client had cancelled it; the failure must not show this to callers.
    /// </summary>
    private static Failure EndedUnderTheWriter(Exception fault) => Ended(fault) is { Code: not StatusCode.Cancelled } known
        ? known
        : new Failure(StatusCode.Unavailable, "UNAVAILABLE", "the node ended the pipe while it was written to", KvOutcome.Unknown)
        {
            Kind = FailureKind.Unavailable,
            Cause = fault,
        };

    /// <summary>
    /// No call of the stream can have been executed: there was no connection, or the node refused the stream at its start. Any other end, even a
    /// refusal, is no proof about the calls before the one that caused it.
    /// </summary>
    private static bool IsStillborn(Exception fault) => fault is RpcException status
        && (ConnectionFaults.NeverConnected(status)
            || status.StatusCode is StatusCode.Unimplemented or StatusCode.Unauthenticated or StatusCode.PermissionDenied);

    // The exceptions of gRPC if a stream ends during a read or write. Any other exception is a bug: it ends the stream too, so that no caller waits,
    // and DisposeAsync rethrows it.
    private static bool IsStreamFault(Exception fault) =>
        fault is RpcException or OperationCanceledException or InvalidOperationException or IOException or HttpRequestException;

    private void Sweep()
    {
        foreach (var pending in _waiting.Values)
        {
            if (_time.GetElapsedTime(pending.StartedAt) >= pending.Timeout)
            {
                pending.Fail(sent => sent && !_hasConnected() ? FailureReader.NotConnected(pending.Timeout) : FailureReader.NoAnswer(sent, pending.Timeout));
            }
        }
    }

    /// <param name="fault">The reason.</param>
    /// <param name="carried">Calls that the writer passed to the stream may have arrived.</param>
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
            pending.Fail(sent => FailureReader.Broken(fault, sent && carried && _hasConnected()));
        }

        _stop.Cancel();
        _stream.Dispose();
    }
}
