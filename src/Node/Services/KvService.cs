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
    NodeOptions options, SingleKeyOperations single, PipeSessions pipes, TimeProvider time) : Kv.KvBase
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

    private async ValueTask<PipeAnswer> AnswerAsync(PipeCall call, ServerCallContext context)
    {
        var answer = await single.AnswerAsync(call, Deadline.Of(call.Header(), context.Deadline, _limits, time));
        return answer.Error is { } error ? throw RpcStatus.ToException(RpcStatus.ToFailure(error)) : answer;
    }
}
