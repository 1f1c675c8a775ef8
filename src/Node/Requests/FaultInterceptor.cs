using Grpc.Core;
using Grpc.Core.Interceptors;
using KvRaft.Eventual.Replicas;
using KvRaft.Node.Telemetry;
using KvRaft.Storage;

namespace KvRaft.Node.Requests;

/// <summary>
/// The last catch of every call: failures get their status, and what nobody expected is logged here and told as INTERNAL, with
/// an unknown execution. Without it gRPC would answer UNKNOWN with no details.
/// </summary>
internal sealed class FaultInterceptor(ILogger<FaultInterceptor> logger) : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
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
        try
        {
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
        try
        {
            await continuation(requestStream, responseStream, context);
        }
        catch (Exception error) when (IsOurs(error, context))
        {
            throw Told(error, context);
        }
    }

    /// <summary>Not a status already, and not merely the caller who went away.</summary>
    private static bool IsOurs(Exception error, ServerCallContext context) =>
        error is not RpcException && !context.CancellationToken.IsCancellationRequested;

    private RpcException Told(Exception error, ServerCallContext context)
    {
        // What the status says of this node needs no line for each request.
        if (error is not (FailureException or StorageFullException or StoreRebuildingException))
        {
            logger.RequestFaulted(error, context.Method);
        }

        return RpcStatus.ToException(Faults.ToFailure(error, isWrite: true));
    }
}
