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
/// order, as many together as there are. Between them the gate bounds what is under way, counting a call until its answer was
/// handed to the transport, so that a client that does not read its answers stops being read.
/// </summary>
internal sealed class PipeSession(
    SingleKeyOperations operations, Limits limits, IServerStreamWriter<PipeResponse> responses, TimeProvider time)
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
            _ = AnswerAsync(call, bytes);
        }
    }

    /// <summary>Never throws: <see cref="SingleKeyOperations"/> always answers.</summary>
    private async Task AnswerAsync(PipeCall call, int bytes)
    {
        var answer = await operations.AnswerAsync(call, Deadline.Of(call.Header(), DateTime.MaxValue, limits, time));
        _ready.Writer.TryWrite(new Ready(answer, bytes));
    }

    private async Task WriteAsync()
    {
        var reader = _ready.Reader;
        var broken = false;
        while (await reader.WaitToReadAsync())
        {
            var message = new PipeResponse();
            int calls = 0, answerBytes = 0;
            long callBytes = 0;
            while (answerBytes < MessageBytesEnough && reader.TryRead(out var ready))
            {
                message.Answers.Add(ready.Answer);
                answerBytes += ready.Answer.CalculateSize();
                callBytes += ready.CallBytes;
                calls++;
            }

            broken = broken || !await TryWriteAsync(message);
            _gate.Leave(calls, callBytes);
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

    private readonly record struct Ready(PipeAnswer Answer, int CallBytes);
}
