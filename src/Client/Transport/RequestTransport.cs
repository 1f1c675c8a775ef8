using Google.Protobuf;
using Grpc.Core;
using KvRaft.Client.Requests;
using KvRaft.Client.Routing;
using KvRaft.V1;

namespace KvRaft.Client.Transport;

/// <summary>
/// Sends one request to one node once, by pipe or by unary call, and says what came of it. Failures are results; only
/// cancellation by the caller is thrown.
/// </summary>
internal sealed class RequestTransport(ConnectionPool connections, KvClientOptions options)
{
    /// <summary>A unary call is given this much longer than the node was told, so that the node's own answer, which knows more,
    /// usually arrives first.</summary>
    private static readonly TimeSpan DeadlineGrace = TimeSpan.FromMilliseconds(50);

    public ValueTask<AttemptResult<TResponse>> SendAsync<TRequest, TResponse>(
        Operation<TRequest, TResponse> operation,
        TRequest request,
        string endpoint,
        TimeSpan timeout,
        CancellationToken cancellationToken)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class
    {
        var bytes = request.CalculateSize();
        if (bytes > options.MessageBytesMax)
        {
            return ValueTask.FromResult<AttemptResult<TResponse>>(TooLarge(bytes));
        }

        return options.Transport == KvTransport.Pipe && operation.ToPipe is not null
            ? PipeAsync(operation, request, bytes, endpoint, timeout, cancellationToken)
            : UnaryAsync(operation, request, endpoint, timeout, cancellationToken);
    }

    private async ValueTask<AttemptResult<TResponse>> PipeAsync<TRequest, TResponse>(
        Operation<TRequest, TResponse> operation,
        TRequest request,
        int bytes,
        string endpoint,
        TimeSpan timeout,
        CancellationToken cancellationToken)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class
    {
        var pipe = connections.To(endpoint).Pipe();
        var result = await pipe.CallAsync(call => operation.ToPipe!(call, request), bytes, timeout, cancellationToken)
            .ConfigureAwait(false);
        if (result.Failure is { } failure)
        {
            return failure;
        }

        var answer = result.Response!;
        if (answer.Error is { } error)
        {
            return FailureReader.Read(error);
        }

        return operation.FromPipe!(answer) is { } response
            ? response
            : new Failure(
                StatusCode.Internal, ErrorReasons.Internal, $"the node answered a {operation.Name} with {answer.ResultCase}", KvOutcome.Unknown)
            {
                Kind = FailureKind.Permanent,
            };
    }

    private async ValueTask<AttemptResult<TResponse>> UnaryAsync<TRequest, TResponse>(
        Operation<TRequest, TResponse> operation,
        TRequest request,
        string endpoint,
        TimeSpan timeout,
        CancellationToken cancellationToken)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class
    {
        var deadline = options.TimeProvider.GetUtcNow().UtcDateTime + timeout + DeadlineGrace;
        try
        {
            using var call = operation.CallUnary(
                connections.To(endpoint), request, new CallOptions(deadline: deadline, cancellationToken: cancellationToken));
            return await call.ResponseAsync.ConfigureAwait(false);
        }
        catch (RpcException fault)
        {
            // gRPC wraps the caller's own cancellation.
            cancellationToken.ThrowIfCancellationRequested();
            return FailureReader.Read(fault, sent: true);
        }
    }

    private Failure TooLarge(int bytes) =>
        new(
            StatusCode.InvalidArgument,
            ErrorReasons.LimitExceeded,
            $"The request has {bytes} bytes; the client sends at most {options.MessageBytesMax}.",
            KvOutcome.NotApplied)
        {
            Kind = FailureKind.Permanent,
            Details = new Dictionary<string, string>
            {
                ["limit"] = options.MessageBytesMax.ToString(System.Globalization.CultureInfo.InvariantCulture),
                ["actual"] = bytes.ToString(System.Globalization.CultureInfo.InvariantCulture),
                ["setting"] = nameof(KvClientOptions.MessageBytesMax),
            },
        };
}
