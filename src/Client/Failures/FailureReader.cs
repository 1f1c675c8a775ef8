using Google.Rpc;
using Grpc.Core;
using KvRaft.V1;
using StatusCode = Grpc.Core.StatusCode;

namespace KvRaft.Client.Failures;

/// <summary>The only place that converts errors from the wire to a <see cref="Failure"/>.</summary>
internal static class FailureReader
{
    /// <summary>A unary call or a stream failed. <paramref name="sent"/>: some bytes may have reached the node.</summary>
    public static Failure Read(RpcException exception, bool sent)
    {
        var code = exception.StatusCode;
        if (exception.GetRpcStatus() is not { } status || status.GetDetail<ErrorInfo>() is not { } info)
        {
            return WithoutDetails(exception, sent);
        }

        var details = new Dictionary<string, string>(info.Metadata);
        return new Failure(code, info.Reason, status.Message, OutcomeOf(info.Metadata, code))
        {
            Kind = FailureKinds.Of(code, info.Reason),
            Hint = status.GetDetail<RouteHint>(),
            RetryAfter = Values.WireValues.Span(Math.Clamp(status.GetDetail<RetryInfo>()?.RetryDelay is { } delay ? (Math.Clamp(delay.Seconds, 0, 86_400) * 1000) + (delay.Nanos / 1_000_000) : 0, 0, long.MaxValue)),
            Details = details,
            Cause = exception,
        };
    }

    /// <summary>A part of a pipe or of a multi-key answer failed.</summary>
    public static Failure Read(ErrorDetail error)
    {
        var code = (StatusCode)error.Code;
        return new Failure(code, ReasonOr(error.Reason, code), error.Message, error.Execution switch
        {
            Execution.NotExecuted => KvOutcome.NotApplied,
            _ => KvOutcome.Unknown,
        })
        {
            Kind = FailureKinds.Of(code, error.Reason),
            Hint = error.RouteHint,
            RetryAfter = Values.WireValues.Span(Math.Max(0, error.RetryDelayMs)),
            Details = error.Metadata,
        };
    }

    /// <summary>No answer within the time of one attempt.</summary>
    public static Failure NoAnswer(bool sent, TimeSpan waited) =>
        new(
            StatusCode.DeadlineExceeded,
            ErrorReasons.Deadline,
            sent ? $"no answer within {waited.TotalMilliseconds:F0} ms" : $"not sent within {waited.TotalMilliseconds:F0} ms: the pipe is full",
            sent ? KvOutcome.Unknown : KvOutcome.NotApplied)
        {
            Kind = FailureKind.Unavailable,
            IsSilence = sent,
        };

    /// <summary>The time of one attempt ended before there was a connection.</summary>
    public static Failure NotConnected(TimeSpan waited) =>
        new(StatusCode.DeadlineExceeded, ErrorReasons.Deadline, $"not sent within {waited.TotalMilliseconds:F0} ms: no connection", KvOutcome.NotApplied)
        {
            Kind = FailureKind.Unavailable,
            IsSilence = true,
        };

    /// <summary>The connection ended under a request.</summary>
    public static Failure Broken(Failure connection, bool sent) =>
        connection with { Outcome = sent ? KvOutcome.Unknown : KvOutcome.NotApplied, IsSilence = true };

    private static Failure WithoutDetails(RpcException exception, bool sent)
    {
        var code = exception.StatusCode;
        var neverConnected = !sent || ConnectionFaults.NeverConnected(exception);
        return new Failure(
            code,
            ReasonOr("", code),
            Describe(exception),
            neverConnected ? KvOutcome.NotApplied : FailureKinds.OutcomeOf(code))
        {
            Kind = FailureKinds.Of(code, null),
            Cause = exception,
            IsSilence = FailureKinds.Of(code, null) == FailureKind.Unavailable,
        };
    }

    private static string Describe(RpcException exception) =>
        exception.Status.DebugException is { } cause
            ? $"{exception.Status.Detail} ({cause.GetBaseException().Message})"
            : exception.Status.Detail;

    private static KvOutcome OutcomeOf(IDictionary<string, string> metadata, StatusCode code) =>
        metadata.TryGetValue(ErrorReasons.ExecutionKey, out var execution)
            ? execution == ErrorReasons.NotExecuted ? KvOutcome.NotApplied : KvOutcome.Unknown
            : FailureKinds.OutcomeOf(code);

    private static string ReasonOr(string reason, StatusCode code) => reason.Length > 0 ? reason : Upper(code);

    private static string Upper(StatusCode code) => code switch
    {
        StatusCode.Cancelled => "CANCELLED",
        StatusCode.InvalidArgument => "INVALID_ARGUMENT",
        StatusCode.DeadlineExceeded => "DEADLINE_EXCEEDED",
        StatusCode.NotFound => "NOT_FOUND",
        StatusCode.AlreadyExists => "ALREADY_EXISTS",
        StatusCode.PermissionDenied => "PERMISSION_DENIED",
        StatusCode.Unauthenticated => "UNAUTHENTICATED",
        StatusCode.ResourceExhausted => "RESOURCE_EXHAUSTED",
        StatusCode.FailedPrecondition => "FAILED_PRECONDITION",
        StatusCode.Aborted => "ABORTED",
        StatusCode.OutOfRange => "OUT_OF_RANGE",
        StatusCode.Unimplemented => "UNIMPLEMENTED",
        StatusCode.Internal => "INTERNAL",
        StatusCode.Unavailable => "UNAVAILABLE",
        StatusCode.DataLoss => "DATA_LOSS",
        _ => "UNKNOWN",
    };
}
