using Google.Protobuf;
using Grpc.Core;
using KvRaft.Client.Failures;
using KvRaft.V1;

namespace KvRaft.Client.Transport;

/// <summary>
/// Sends one request to one node once, through a pipe or a unary call, and returns the result. Failures are results; only cancellation by the caller
/// throws.
/// </summary>
internal sealed class RequestTransport(ConnectionPool connections, KvClientOptions options)
{
    /// <summary>
    /// The deadline of a unary call is longer than the one sent to the node by this time, so that the node's own answer, which is more precise,
    /// usually arrives first.
    /// </summary>
    private static readonly TimeSpan DeadlineGrace = TimeSpan.FromMilliseconds(50);

    /// <summary>The overhead of a request in a pipe message: three tags, two lengths and a correlation id of up to 10 bytes.</summary>
    private const int PipeEnvelopeBytes = 32;

    public ValueTask<AttemptResult<TResponse>> SendAsync<TRequest, TResponse>(
        Operation<TRequest, TResponse> operation,
        TRequest request,
        string endpoint,
        TimeSpan timeout,
        CancellationToken cancellationToken)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class
    {
        var isPiped = options.Transport == KvTransport.Pipe && operation.ToPipe is not null;
        var bytes = request.CalculateSize() + (isPiped ? PipeEnvelopeBytes : 0);
        if (bytes > options.MessageBytesMax)
        {
            return ValueTask.FromResult<AttemptResult<TResponse>>(TooLarge(bytes));
        }

        return isPiped
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
        var startedAt = options.TimeProvider.GetTimestamp();
        var pipe = connections.To(endpoint).Pipe();
        var result = await pipe.CallAsync(call => operation.ToPipe!(call, request), bytes, timeout, cancellationToken)
            .ConfigureAwait(false);
        if (result.Failure is { } failure)
        {
            // The node ended a pipe because one message was too large. Each call of the pipe finds out with a second attempt whether it was the
            // cause.
            var left = timeout - options.TimeProvider.GetElapsedTime(startedAt);
            return IsTooMuch(failure) && left > TimeSpan.Zero
                ? After(failure, await UnaryAsync(operation, request, endpoint, left, cancellationToken).ConfigureAwait(false))
                : failure;
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
        var connection = connections.To(endpoint);
        try
        {
            using var call = operation.CallUnary(
                connection, request, new CallOptions(deadline: deadline, cancellationToken: cancellationToken));
            return await call.ResponseAsync.ConfigureAwait(false);
        }
        catch (RpcException fault)
        {
            // gRPC wraps the cancellation by the caller.
            cancellationToken.ThrowIfCancellationRequested();
            return FailureReader.Read(fault, sent: connection.HasConnected);
        }
    }

    /// <summary>A limit of KvRaft, which the node names, or a limit of gRPC, which has no name.</summary>
    private static bool IsTooMuch(Failure failure) =>
        failure.Reason == ErrorReasons.LimitExceeded || (failure.Code == StatusCode.ResourceExhausted && failure.Kind == FailureKind.Overloaded);

    /// <summary>
    /// The result of a second attempt. If it is too large again, this request is the cause, and a repetition is useless. A refusal does not prove
    /// that the first attempt had no effect, unless every request of this size receives that refusal.
    /// </summary>
    private static AttemptResult<TResponse> After<TResponse>(Failure first, AttemptResult<TResponse> second)
        where TResponse : class =>
        second.Failure is not { } failure || failure.Reason == ErrorReasons.LimitExceeded ? second : failure with
        {
            Kind = IsTooMuch(failure) ? FailureKind.Permanent : failure.Kind,
            Outcome = first.Outcome == KvOutcome.Unknown ? KvOutcome.Unknown : failure.Outcome,
        };

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
