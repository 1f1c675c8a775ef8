using System.Threading.Channels;
using Grpc.Core;
using KvRaft.Node.Answers;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Node.ShardRequests;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.KeyValue;

/// <summary>
/// One pipe. A reader starts each call of each message on arrival; a writer sends the answers that are ready, in any
/// order, as many together as there are. Between them the gate limits the calls in progress, and the window limits the values in their answers. Both count until the
/// answers are handed to the transport. So the node stops reading from a client that does not read its answers, and ends the pipe after a while.
/// The node must also admit each call that the pipe admits (<see cref="Admission"/>): a call that the node has no room for gets that refusal as its answer. The node does not count
/// such calls, so the pipe waits when <see cref="RefusalsUnsentMax"/> of these answers are unread.
/// </summary>
internal sealed class PipeSession(
    SingleKeyOperations operations, Admission admission, AnswerWindow window, AnswerSends sends, Limits limits,
    IServerStreamWriter<PipeResponse> responses, TimeProvider time)
{
    /// <summary>Bytes of answers after which a message is sent: a quarter of the message limit that every client has by default.</summary>
    private const int MessageBytesEnough = 1024 * 1024;

    /// <summary>Tag and length of an answer in its message.</summary>
    private const int ItemOverheadBytes = 8;

    /// <summary>Answers to calls that the node had no room for: enough for a client that reads, and too few to fill a node that is full already.</summary>
    private const int RefusalsUnsentMax = 64;

    private readonly InFlightGate _refusals = new(RefusalsUnsentMax, RefusalsUnsentMax * 1024);

    private readonly InFlightGate _gate = new(limits.PipeInFlightMax, limits.PipeInFlightBytesMax);

    /// <summary>
    /// A channel with one reader: the channel for many readers is a <c>ConcurrentQueue</c>, which after a peek keeps the items of a segment until the whole segment is taken, which is
    /// all values of a pipe.
    /// </summary>
    private readonly Channel<Ready> _ready = Channel.CreateUnbounded<Ready>(new UnboundedChannelOptions { SingleReader = true });

    private bool _stalled;

    /// <summary>Runs until the client closes its side or the token is cancelled, and every started call is answered.</summary>
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
            // The client disconnected, does not read, or the node stops; started calls are still finished below.
        }
        catch (RpcException) when (ending.IsCancellationRequested)
        {
            // The same case, as the library may report it.
        }
        catch (IOException)
        {
            // The client reset the stream; sometimes the read fails for that reason before the token is cancelled. Nothing else in this block reads or writes.
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
            var bytes = SingleKeyOperations.WireBytes(call);
            await _gate.EnterAsync(bytes);
            var deadline = Deadline.Of(OperationTable.Of(call).HeaderOf(call), DateTime.MaxValue, limits, time);
            if (admission.TryEnter(1, bytes, deadline) is { } refusal)
            {
                var answer = SingleKeyOperation.ToAnswer(call, refusal);
                var answerBytes = OperationTable.HeldBytes(answer);
                await _refusals.EnterAsync(answerBytes);
                window.Charge(answerBytes);
                _ready.Writer.TryWrite(new Ready(answer, bytes, Admitted: 0, time.GetTimestamp()));
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
            long callBytes = 0, admittedBytes = 0, held = 0, refusedBytes = 0;
            while (answerBytes < MessageBytesEnough && reader.TryPeek(out var ready))
            {
                var size = ready.Answer.CalculateSize() + ItemOverheadBytes;
                if (calls > 0 && answerBytes + size > limits.MessageBytesMax)
                {
                    break;
                }

                reader.TryRead(out _);
                AnswerAge.Add(OperationTable.Of(ready.Answer).HeaderOf(ready.Answer), time.GetElapsedTime(ready.Since));
                message.Answers.Add(ready.Answer);
                answerBytes += size;
                var answerHeld = OperationTable.HeldBytes(ready.Answer);
                held += answerHeld;
                refusedBytes += (1 - ready.Admitted) * answerHeld;
                callBytes += ready.Bytes;
                admittedBytes += ready.Admitted * (long)ready.Bytes;
                admitted += ready.Admitted;
                calls++;
            }

            if (!broken && !await TryWriteAsync(message))
            {
                // No call that arrives from now on can be answered.
                broken = true;
                await ending.CancelAsync();
            }

            window.Give(held);
            _refusals.Leave(calls - admitted, refusedBytes);
            _gate.Leave(calls, callBytes);
            admission.Leave(admitted, admittedBytes);
        }
    }

    /// <summary>False if the client no longer reads: further answers are dropped, the calls are still awaited.</summary>
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

    /// <param name="Bytes">The bytes of the call.</param>
    /// <param name="Admitted">1 if the node admitted it, 0 if it was refused for lack of room.</param>
    /// <param name="Since">When the answer was created.</param>
    private readonly record struct Ready(PipeAnswer Answer, int Bytes, int Admitted, long Since);
}
