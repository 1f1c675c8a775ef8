using Grpc.Core;
using KvRaft.Node.Operations;
using KvRaft.Node.Options;
using KvRaft.Node.Routing;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Services;

/// <summary>
/// The data plane: decode, call, encode. Every single-key call becomes the operation a pipe would carry, so that both take one
/// way; what that way decides is not known here.
/// </summary>
internal sealed class KvService(
    NodeOptions options, SingleKeyOperations single, MultiKeyOperations multi, ShardOperations shards, ScanOperations scans, DeleteRangeOperations ranges,
    PipeSessions pipes, TimeProvider time) : Kv.KvBase
{
    private readonly string _clusterId = options.ClusterId.ToString();
    private readonly Limits _limits = options.Limits;

    public override async Task<GetResponse> Get(GetRequest request, ServerCallContext context)
    {
        var response = (await AnswerAsync(new PipeCall { Get = request }, context)).Get;
        response.Header.ClusterId = _clusterId;
        return response;
    }

    public override async Task<PutResponse> Put(PutRequest request, ServerCallContext context)
    {
        var response = (await AnswerAsync(new PipeCall { Put = request }, context)).Put;
        response.Header.ClusterId = _clusterId;
        return response;
    }

    public override Task<PutResponse> PutIfExpected(PutRequest request, ServerCallContext context) =>
        request.Condition is null
            ? throw RpcStatus.ToException(Failure.Invalid("condition", "must be set; use Put to write unconditionally"))
            : Put(request, context);

    public override async Task<DeleteResponse> Delete(DeleteRequest request, ServerCallContext context)
    {
        var response = (await AnswerAsync(new PipeCall { Delete = request }, context)).Delete;
        response.Header.ClusterId = _clusterId;
        return response;
    }

    public override async Task<IncrementResponse> Increment(IncrementRequest request, ServerCallContext context)
    {
        var response = (await AnswerAsync(new PipeCall { Increment = request }, context)).Increment;
        response.Header.ClusterId = _clusterId;
        return response;
    }

    public override async Task<TouchResponse> Touch(TouchRequest request, ServerCallContext context)
    {
        var response = (await AnswerAsync(new PipeCall { Touch = request }, context)).Touch;
        response.Header.ClusterId = _clusterId;
        return response;
    }

    public override Task Pipe(
        IAsyncStreamReader<PipeRequest> requestStream, IServerStreamWriter<PipeResponse> responseStream, ServerCallContext context) =>
        pipes.RunAsync(requestStream, responseStream, context.CancellationToken);

    public override async Task<MultiGetResponse> MultiGet(MultiGetRequest request, ServerCallContext context)
    {
        var response = Demand(await multi.GetAsync(request, DeadlineOf(request.Header, context)));
        response.Header.ClusterId = _clusterId;
        return response;
    }

    public override async Task MultiGetStream(
        MultiGetRequest request, IServerStreamWriter<MultiGetChunk> responseStream, ServerCallContext context)
    {
        var reads = Demand(multi.Begin(request, DeadlineOf(request.Header, context)));
        await MultiGetStreams.RunAsync(reads, chunk =>
        {
            chunk.Header.ClusterId = _clusterId;
            return responseStream.WriteAsync(chunk, context.CancellationToken);
        });
    }

    public override async Task<DeleteRangeResponse> DeleteRange(DeleteRangeRequest request, ServerCallContext context)
    {
        var response = Demand(await ranges.StepAsync(request, DeadlineOf(request.Header, context)));
        response.Header.ClusterId = _clusterId;
        return response;
    }

    public override async Task<MultiSetResponse> MultiSet(MultiSetRequest request, ServerCallContext context)
    {
        var response = Demand(await multi.SetAsync(request, DeadlineOf(request.Header, context)));
        response.Header.ClusterId = _clusterId;
        return response;
    }

    public override async Task<TxnResponse> Txn(TxnRequest request, ServerCallContext context)
    {
        var response = Demand(await shards.TxnAsync(request, DeadlineOf(request.Header, context)));
        response.Header.ClusterId = _clusterId;
        return response;
    }

    public override Task Scan(ScanRequest request, IServerStreamWriter<ScanChunk> responseStream, ServerCallContext context) =>
        scans.RunAsync(
            request,
            chunk =>
            {
                chunk.Header.ClusterId = _clusterId;
                return responseStream.WriteAsync(chunk, context.CancellationToken);
            },
            () => DeadlineOf(request.Header, context));

    public override async Task<GetRequestResultResponse> GetRequestResult(GetRequestResultRequest request, ServerCallContext context)
    {
        var response = Demand(await shards.RequestResultAsync(request, DeadlineOf(request.Header, context)));
        response.Header.ClusterId = _clusterId;
        return response;
    }

    private static T Demand<T>(Answered<T> answered)
        where T : class => answered.Answer ?? throw RpcStatus.ToException(answered.Failure!);

    private Deadline DeadlineOf(RequestHeader? header, ServerCallContext context) =>
        Deadline.Of(header, context.Deadline, _limits, time);

    private async ValueTask<PipeAnswer> AnswerAsync(PipeCall call, ServerCallContext context)
    {
        var answer = await single.AnswerAsync(call, DeadlineOf(call.Header(), context));
        return answer.Error is { } error ? throw RpcStatus.ToException(RpcStatus.ToFailure(error)) : answer;
    }
}
