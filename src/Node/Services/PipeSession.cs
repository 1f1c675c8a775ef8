using System.Threading.Channels;
using Grpc.Core;
using KvRaft.Node.Operations;
using KvRaft.Node.Options;
using KvRaft.Node.Routing;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Services;

/// <summary>
/// One pipe. A reader starts each call of each message as it comes; a writer sends the answers that are ready, whatever their
/// order, as many together as there are. Between them the gate bounds what is under way, counting a call with its answer until that was
/// handed to the transport, so that a client that does not read its answers stops being read. What the pipe lets in, the node must let in
/// too (<see cref="Admission"/>): a call it has no room for is answered so.
/// </summary>
internal sealed class PipeSession(
    SingleKeyOperations operations, Admission admission, Limits limits, IServerStreamWriter<PipeResponse> responses, TimeProvider time)
{
    /// <summary>Bytes of answers after which a message is sent: a quarter of the message limit that every client has by default.</summary>
    private const int MessageBytesEnough = 1024 * 1024;

    private readonly InFlightGate _gate = new(limits.PipeInFlightMax, limits.PipeInFlightBytesMax);
    private readonly Channel<Ready> _ready = Channel.CreateUnbounded<Ready>(new UnboundedChannelOptions { SingleReader = true });

    /// <summary>Runs until the client closed its side, or the token is cancelled, and everything that was begun is answered.</summary>
    public async Task RunAsync(IAsyncStreamReader<PipeRequest> requests, CancellationToken cancellationToken)
    {
        var writing = WriteAsync();
        try
        {
            while (await requests.MoveNext(cancellationToken))
            {
                await BeginAsync(requests.Current);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The client went away or the node stops; what was begun is still finished below.
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
        var answer = await operations.AnswerAsync(call, deadline);
        if (answer.Get?.Current is { } read)
        {
            // The only answer that can be much larger than what asked for it.
            _gate.Grow(read.Value.Length);
            admission.Grow(read.Value.Length);
            bytes += read.Value.Length;
        }

        _ready.Writer.TryWrite(new Ready(answer, bytes, Admitted: 1, time.GetTimestamp()));
    }

    private async Task WriteAsync()
    {
        var reader = _ready.Reader;
        var broken = false;
        while (await reader.WaitToReadAsync())
        {
            var message = new PipeResponse();
            int calls = 0, admitted = 0, answerBytes = 0;
            long callBytes = 0, admittedBytes = 0;
            while (answerBytes < MessageBytesEnough && reader.TryRead(out var ready))
            {
                AnswerAge.Add(ready.Answer.Get?.Header, time.GetElapsedTime(ready.Since));
                message.Answers.Add(ready.Answer);
                answerBytes += ready.Answer.CalculateSize();
                callBytes += ready.Bytes;
                admittedBytes += ready.Admitted * (long)ready.Bytes;
                admitted += ready.Admitted;
                calls++;
            }

            broken = broken || !await TryWriteAsync(message);
            _gate.Leave(calls, callBytes);
            admission.Leave(admitted, admittedBytes);
        }
    }

    /// <summary>False if nobody listens any more: further answers are dropped, the calls are still awaited.</summary>
    private async ValueTask<bool> TryWriteAsync(PipeResponse message)
    {
        try
        {
            await responses.WriteAsync(message);
            return true;
        }
        catch (Exception error) when (error is InvalidOperationException or OperationCanceledException or IOException)
        {
            return false;
        }
    }

    /// <param name="Bytes">Of the call, and of the value in its answer.</param>
    /// <param name="Admitted">1 if the node had let it in, 0 if it was refused for want of room.</param>
    /// <param name="Since">When the answer was made.</param>
    private readonly record struct Ready(PipeAnswer Answer, int Bytes, int Admitted, long Since);
}
