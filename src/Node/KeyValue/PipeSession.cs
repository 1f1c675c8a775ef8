using System.Threading.Channels;
using Grpc.Core;
using KvRaft.Node.Answers;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.KeyValue;

/// <summary>
/// One pipe. A reader starts each call of each message as it comes; a writer sends the answers that are ready, whatever their
/// order, as many together as there are. Between them the gate bounds what is under way and the window the values in its answers, both until the
/// answers were handed to the transport, so that a client that does not read its answers stops being read, and is hung up on after a while. What the
/// pipe lets in, the node must let in too (<see cref="Admission"/>): a call it has no room for is answered so.
/// </summary>
internal sealed class PipeSession(
    SingleKeyOperations operations, Admission admission, AnswerWindow window, AnswerSends sends, Limits limits,
    IServerStreamWriter<PipeResponse> responses, TimeProvider time)
{
    /// <summary>Bytes of answers after which a message is sent: a quarter of the message limit that every client has by default.</summary>
    private const int MessageBytesEnough = 1024 * 1024;

    /// <summary>Tag and length of an answer in its message.</summary>
    private const int ItemOverheadBytes = 8;

    private readonly InFlightGate _gate = new(limits.PipeInFlightMax, limits.PipeInFlightBytesMax);

    /// <summary>
    /// With one reader, because the channel for many is a <c>ConcurrentQueue</c>: once it was peeked at, it keeps what is taken from it until a whole segment is taken, which is
    /// all values of a pipe.
    /// </summary>
    private readonly Channel<Ready> _ready = Channel.CreateUnbounded<Ready>(new UnboundedChannelOptions { SingleReader = true });

    private bool _stalled;

    /// <summary>Runs until the client closed its side, or the token is cancelled, and everything that was begun is answered.</summary>
    /// <exception cref="FailureException">The client did not read its answers, or sent too much in one message.</exception>
    public async Task RunAsync(IAsyncStreamReader<PipeRequest> requests, CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var writing = WriteAsync(ending);
        try
        {
            while (await requests.MoveNext(ending.Token))
            {
                await BeginAsync(requests.Current);
            }
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            // The client went away, does not read, or the node stops; what was begun is still finished below.
        }
        catch (RpcException) when (ending.IsCancellationRequested)
        {
            // The same, as the library may say it.
        }
        catch (IOException)
        {
            // The client reset the stream; reading it says so, now and then, before the token does. Nothing else in here reads or writes.
        }
        finally
        {
            await _gate.DrainAsync();
            _ready.Writer.Complete();
            await writing;
        }

        if (_stalled)
        {
            throw new FailureException(AnswerSends.NotRead);
        }
    }

    private async ValueTask BeginAsync(PipeRequest message)
    {
        if (message.Calls.Count > limits.PipeOperationsPerMessageMax)
        {
            throw new FailureException(Failure.Limit(new LimitExceeded(
                "calls", "limits.pipeOperationsPerMessageMax", limits.PipeOperationsPerMessageMax, message.Calls.Count)));
        }

        foreach (var call in message.Calls)
        {
            var bytes = call.PayloadBytes();
            await _gate.EnterAsync(bytes);
            var deadline = Deadline.Of(call.Header(), DateTime.MaxValue, limits, time);
            if (admission.TryEnter(1, bytes, deadline) is { } refusal)
            {
                _ready.Writer.TryWrite(new Ready(SingleKeyAnswers.OfFailure(call.CorrelationId, refusal), bytes, 0, 0));
            }
            else
            {
                _ = AnswerAsync(call, bytes, deadline);
            }
        }
    }

    /// <summary>Never throws: <see cref="SingleKeyOperations"/> always answers.</summary>
    private async Task AnswerAsync(PipeCall call, int bytes, Deadline deadline)
    {
        var answer = await operations.AnswerAsync(call, deadline, window);
        _ready.Writer.TryWrite(new Ready(answer, bytes, Admitted: 1, time.GetTimestamp()));
    }

    private async Task WriteAsync(CancellationTokenSource ending)
    {
        var reader = _ready.Reader;
        var broken = false;
        while (await reader.WaitToReadAsync())
        {
            var message = new PipeResponse();
            int calls = 0, admitted = 0, answerBytes = 0;
            long callBytes = 0, admittedBytes = 0, held = 0;
            while (answerBytes < MessageBytesEnough && reader.TryPeek(out var ready))
            {
                var size = ready.Answer.CalculateSize() + ItemOverheadBytes;
                if (calls > 0 && answerBytes + size > limits.MessageBytesMax)
                {
                    break;
                }

                reader.TryRead(out _);
                AnswerAge.Add(ready.Answer.Get?.Header, time.GetElapsedTime(ready.Since));
                message.Answers.Add(ready.Answer);
                answerBytes += size;
                held += SingleKeyAnswers.HeldBytes(ready.Answer);
                callBytes += ready.Bytes;
                admittedBytes += ready.Admitted * (long)ready.Bytes;
                admitted += ready.Admitted;
                calls++;
            }

            if (!broken && !await TryWriteAsync(message))
            {
                // Nothing that is asked from now on can be answered.
                broken = true;
                await ending.CancelAsync();
            }

            window.Give(held);
            _gate.Leave(calls, callBytes);
            admission.Leave(admitted, admittedBytes);
        }
    }

    /// <summary>False if nobody listens any more: further answers are dropped, the calls are still awaited.</summary>
    private async ValueTask<bool> TryWriteAsync(PipeResponse message)
    {
        try
        {
            if (await sends.IsSentAsync(responses.WriteAsync(message)))
            {
                return true;
            }

            _stalled = true;
            return false;
        }
        catch (Exception error) when (error is InvalidOperationException or OperationCanceledException or IOException)
        {
            return false;
        }
    }

    /// <param name="Bytes">Of the call.</param>
    /// <param name="Admitted">1 if the node had let it in, 0 if it was refused for want of room.</param>
    /// <param name="Since">When the answer was made.</param>
    private readonly record struct Ready(PipeAnswer Answer, int Bytes, int Admitted, long Since);
}
