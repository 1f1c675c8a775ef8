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

    /// <summary>What a request takes in a pipe's message beyond its own bytes: three tags, two lengths and a correlation id of up to 10 bytes.</summary>
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
            // The node ended a pipe for one message that was too much for it. Which of the calls that was, each finds out by itself.
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

    /// <summary>A limit of ours, named by the node; or of gRPC, which names none.</summary>
    private static bool IsTooMuch(Failure failure) =>
        failure.Reason == ErrorReasons.LimitExceeded || (failure.Code == StatusCode.ResourceExhausted && failure.Kind == FailureKind.Overloaded);

    /// <summary>
    /// What a second try came to. Too much again means that it is this request, and repeating it is of no use. A refusal does not make certain that
    /// the first try did nothing, unless it is one that a request of this size always meets.
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
