using Google.Protobuf;
using Grpc.Core;
using KvRaft.Node.Answers;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.KeyValue;

/// <summary>
/// The data plane: admit, decode, call, encode. Every single-key call becomes the operation that a pipe would carry, so that both use the same
/// path; its method is in the file of the operation (<see cref="OperationTable"/>). This class makes no decision of that path.
/// </summary>
internal sealed partial class KvService(
    NodeOptions options, SingleKeyOperations single, MultiKeyOperations multi, ShardOperations shards, ScanOperations scans, DeleteRangeOperations ranges,
    PipeSessions pipes, Admission admission, CallAnswers answers, AnswerSends sends, TimeProvider time) : Kv.KvBase
{
    private readonly string _clusterId = options.ClusterId.ToString();
    private readonly Limits _limits = options.Limits;

    public override Task Pipe(
        IAsyncStreamReader<PipeRequest> requestStream, IServerStreamWriter<PipeResponse> responseStream, ServerCallContext context) =>
        pipes.RunAsync(requestStream, responseStream, answers.OfPipe(context), context.CancellationToken);

    public override async Task<MultiGetResponse> MultiGet(MultiGetRequest request, ServerCallContext context)
    {
        var response = await AdmitAsync(request, request.Keys.Count, request.Header, context, deadline =>
            multi.GetAsync(request, deadline, answers.OfMessage(context, request.Keys.Count)));
        response.Header.ClusterId = _clusterId;
        return response;
    }

    public override Task MultiGetStream(MultiGetRequest request, IServerStreamWriter<MultiGetChunk> responseStream, ServerCallContext context) =>
        AdmitAsync(request.Keys.Count, request.CalculateSize(), request.Header, context, async deadline =>
        {
            var asked = time.GetTimestamp();
            var window = answers.OfStream(context);
            await MultiGetStreams.RunAsync(
                Demand(await multi.BeginAsync(request, deadline, window)),
                window,
                answers.MessageValuesMax,
                chunk =>
                {
                    chunk.Header.ClusterId = _clusterId;
                    return sends.SendAsync(responseStream.WriteAsync(chunk, context.CancellationToken));
                },
                () => time.GetElapsedTime(asked));
        });

    public override async Task<DeleteRangeResponse> DeleteRange(DeleteRangeRequest request, ServerCallContext context)
    {
        var response = await AdmitAsync(request, 1, request.Header, context, deadline => ranges.StepAsync(request, deadline));
        response.Header.ClusterId = _clusterId;
        return response;
    }

    public override async Task<MultiSetResponse> MultiSet(MultiSetRequest request, ServerCallContext context)
    {
        var response = await AdmitAsync(request, request.Items.Count, request.Header, context, deadline =>
            multi.SetAsync(request, deadline, answers.OfMessage(context, request.Items.Count)));
        response.Header.ClusterId = _clusterId;
        return response;
    }

    public override async Task<TxnResponse> Txn(TxnRequest request, ServerCallContext context)
    {
        var operations = request.Compares.Count + request.Success.Count + request.Failure.Count;
        var response = await AdmitAsync(request, operations, request.Header, context, deadline =>
            shards.TxnAsync(request, deadline, answers.OfMessage(context, operations: 1)));
        response.Header.ClusterId = _clusterId;
        return response;
    }

    public override Task Scan(ScanRequest request, IServerStreamWriter<ScanChunk> responseStream, ServerCallContext context) =>
        AdmitAsync(1, request.CalculateSize(), request.Header, context, _ => scans.RunAsync(
            request,
            answers.OfScan(context),
            chunk =>
            {
                chunk.Header.ClusterId = _clusterId;
                return sends.SendAsync(responseStream.WriteAsync(chunk, context.CancellationToken));
            },
            () => DeadlineOf(request.Header, context)));

    public override async Task<GetRequestResultResponse> GetRequestResult(GetRequestResultRequest request, ServerCallContext context)
    {
        var response = await AdmitAsync(request, 1, request.Header, context, deadline => shards.RequestResultAsync(request, deadline));
        response.Header.ClusterId = _clusterId;
        return response;
    }

    private static T Demand<T>(Answered<T> answered)
        where T : class => answered.Answer ?? throw RpcStatus.ToException(answered.Failure!);

    private Deadline DeadlineOf(RequestHeader? header, ServerCallContext context) =>
        Deadline.Of(header, context.Deadline, _limits, time);

    /// <summary>The answer of a unary single-key call.</summary>
    private async ValueTask<PipeAnswer> AnswerAsync(PipeCall call, ServerCallContext context)
    {
        var deadline = DeadlineOf(OperationTable.Of(call).HeaderOf(call), context);
        var bytes = SingleKeyOperations.WireBytes(call);
        if (admission.TryEnter(1, bytes, deadline) is { } refusal)
        {
            throw RpcStatus.ToException(refusal);
        }

        try
        {
            var answer = await single.AnswerAsync(call, deadline, answers.OfMessage(context, operations: 1));
            if (answer.Error is { } error)
            {
                throw RpcStatus.ToException(RpcStatus.ToFailure(error));
            }

            OperationTable.Of(answer).HeaderOf(answer)!.ClusterId = _clusterId;
            return answer;
        }
        finally
        {
            admission.Leave(1, bytes);
        }
    }

    private async Task<T> AdmitAsync<T>(
        IMessage request, int operations, RequestHeader? header, ServerCallContext context, Func<Deadline, Task<Answered<T>>> run)
        where T : class
    {
        T? answer = null;
        await AdmitAsync(operations, request.CalculateSize(), header, context, async deadline => answer = Demand(await run(deadline)));
        return answer!;
    }

    private async Task AdmitAsync(int operations, long bytes, RequestHeader? header, ServerCallContext context, Func<Deadline, Task> run)
    {
        var deadline = DeadlineOf(header, context);
        operations = Math.Max(1, operations);
        if (admission.TryEnter(operations, bytes, deadline) is { } refusal)
        {
            throw RpcStatus.ToException(refusal);
        }

        try
        {
            await run(deadline);
        }
        finally
        {
            admission.Leave(operations, bytes);
        }
    }
}
