using Google.Protobuf;
using Grpc.Core;
using KvRaft.Node.Answers;
using KvRaft.Node.Cluster;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.V1;

namespace KvRaft.Node.EventualKeys;

/// <summary>The data plane of eventual keyspaces: decode, call, encode.</summary>
internal sealed class EventualKvService(NodeOptions options, EventualOperations operations, Admission admission, CallAnswers answers, TimeProvider time) : EventualKv.EventualKvBase
{
    public override Task<EventualGetResponse> Get(EventualGetRequest request, ServerCallContext context) =>
        AdmitAsync(request, request.Header, context, deadline => operations.GetAsync(request, deadline, answers.OfState(context), answers.RoomForStates(context)));

    public override Task<EventualPutResponse> Put(EventualPutRequest request, ServerCallContext context) =>
        AdmitAsync(request, request.Header, context, deadline => operations.PutAsync(request, PeerCalls.WasForwarded(context), deadline));

    public override Task<EventualDeleteResponse> Delete(EventualDeleteRequest request, ServerCallContext context) =>
        AdmitAsync(request, request.Header, context, deadline => operations.DeleteAsync(request, PeerCalls.WasForwarded(context), deadline));

    public override Task<EventualUpdateResponse> Update(EventualUpdateRequest request, ServerCallContext context) =>
        AdmitAsync(request, request.Header, context, deadline => operations.UpdateAsync(request, PeerCalls.WasForwarded(context), deadline, answers.OfState(context)));

    private async Task<T> AdmitAsync<T>(IMessage request, RequestHeader? header, ServerCallContext context, Func<Deadline, Task<Answered<T>>> run)
        where T : class
    {
        var deadline = Deadline.Of(header, context.Deadline, options.Limits, time);
        var bytes = request.CalculateSize();
        if (admission.TryEnter(1, bytes, deadline) is { } refusal)
        {
            throw RpcStatus.ToException(refusal);
        }

        try
        {
            var answered = await run(deadline);
            return answered.Answer ?? throw RpcStatus.ToException(answered.Failure!);
        }
        finally
        {
            admission.Leave(1, bytes);
        }
    }
}
