using Google.Protobuf;
using Grpc.Core;
using Grpc.Core.Interceptors;
using KvRaft.Eventual.Replicas;
using KvRaft.Node.Telemetry;
using KvRaft.Storage;

namespace KvRaft.Node.Requests;

/// <summary>
/// The first and last handler of every call: a request with a string that is too long is refused before any code of the call sees it (<see cref="RequestText"/>), and failures become their status. An unexpected exception is logged here and returned as INTERNAL with
/// an unknown execution. Without this interceptor gRPC would return UNKNOWN with no details.
/// </summary>
internal sealed class FaultInterceptor(ILogger<FaultInterceptor> logger) : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        CallEnding.Remember(context);
        try
        {
            DemandText(request);
            return await continuation(request, context);
        }
        catch (Exception error) when (IsOurs(error, context))
        {
            throw Told(error, context);
        }
    }

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        CallEnding.Remember(context);
        try
        {
            DemandText(request);
            await continuation(request, responseStream, context);
        }
        catch (Exception error) when (IsOurs(error, context))
        {
            throw Told(error, context);
        }
    }

    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        CallEnding.Remember(context);
        try
        {
            await continuation(new CheckedRequests<TRequest>(requestStream), responseStream, context);
        }
        catch (Exception error) when (IsOurs(error, context))
        {
            throw Told(error, context);
        }
    }

    private static void DemandText<TRequest>(TRequest request)
    {
        if (request is IMessage message && RequestText.Check(message) is { } failure)
        {
            throw RpcStatus.ToException(failure);
        }
    }

    /// <summary>The exception is not a status already, and not the effect of a caller that cancelled.</summary>
    private static bool IsOurs(Exception error, ServerCallContext context) =>
        error is not RpcException && !context.CancellationToken.IsCancellationRequested;

    private RpcException Told(Exception error, ServerCallContext context)
    {
        // A failure that the status of this node already shows needs no log line for each request.
        if (error is not (FailureException or StorageFullException or StorageUnavailableException or StoreRebuildingException))
        {
            logger.RequestFaulted(error, context.Method);
        }

        return RpcStatus.ToException(Faults.ToFailure(error, isWrite: true));
    }
}
