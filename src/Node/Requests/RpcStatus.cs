using System.Collections.Frozen;
using System.Globalization;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using KvRaft.V1;
using RpcCode = Google.Rpc.Code;

namespace KvRaft.Node.Requests;

/// <summary>
/// The one place that translates a <see cref="Failure"/> for clients: to a gRPC code with <c>google.rpc.Status</c> details for
/// unary calls, and to an <see cref="ErrorDetail"/> inside pipes and multi-key answers. It also translates the answer of a forwarded call back.
/// <para>
/// A leader on another node is FAILED_PRECONDITION, not UNAVAILABLE, so that the retry policies of generic gRPC clients
/// do not repeat the call on the wrong node; UNAVAILABLE is used only where waiting helps.
/// </para>
/// </summary>
internal static class RpcStatus
{
    /// <summary>The retry code of gRPC clients reads it (gRFC A6): the delay before the next attempt.</summary>
    public const string PushbackTrailer = "grpc-retry-pushback-ms";

    /// <summary>The longest delay that another node may request of callers; a longer delay is a fault of that node.</summary>
    private const long RetryDelayMsMax = 60_000;

    private static readonly FrozenDictionary<string, RpcCode> Codes = new Dictionary<string, RpcCode>(StringComparer.Ordinal)
    {
        [ErrorReasons.NotLeader] = RpcCode.FailedPrecondition,
        [ErrorReasons.WrongShard] = RpcCode.FailedPrecondition,
        [ErrorReasons.StaleEpoch] = RpcCode.FailedPrecondition,
        [ErrorReasons.NoLeader] = RpcCode.Unavailable,
        [ErrorReasons.ElectionInProgress] = RpcCode.Unavailable,
        [ErrorReasons.QuorumLost] = RpcCode.Unavailable,
        [ErrorReasons.Deadline] = RpcCode.DeadlineExceeded,
        [ErrorReasons.Overloaded] = RpcCode.ResourceExhausted,
        [ErrorReasons.WriteStall] = RpcCode.ResourceExhausted,
        [ErrorReasons.QuotaBytes] = RpcCode.ResourceExhausted,
        [ErrorReasons.QuotaKeys] = RpcCode.ResourceExhausted,
        [ErrorReasons.DiskFull] = RpcCode.ResourceExhausted,
        [ErrorReasons.LimitExceeded] = RpcCode.InvalidArgument,
        [ErrorReasons.CrossShardAtomic] = RpcCode.InvalidArgument,
        [ErrorReasons.NotANumber] = RpcCode.FailedPrecondition,
        [ErrorReasons.OutOfBounds] = RpcCode.FailedPrecondition,
        [ErrorReasons.InvalidRequest] = RpcCode.InvalidArgument,
        [ErrorReasons.HostNotAllowed] = RpcCode.PermissionDenied,
        [ErrorReasons.RequestIdExpired] = RpcCode.FailedPrecondition,
        [ErrorReasons.RequestIdReused] = RpcCode.AlreadyExists,
        [ErrorReasons.KeyspaceNotFound] = RpcCode.NotFound,
        [ErrorReasons.KeyspaceExists] = RpcCode.AlreadyExists,
        [ErrorReasons.WrongMode] = RpcCode.FailedPrecondition,
        [ErrorReasons.QuorumNotReached] = RpcCode.Unavailable,
        [ErrorReasons.ContextInvalid] = RpcCode.InvalidArgument,
        [ErrorReasons.TooManySiblings] = RpcCode.FailedPrecondition,
        [ErrorReasons.StaleReplica] = RpcCode.FailedPrecondition,
        [ErrorReasons.CursorInvalid] = RpcCode.InvalidArgument,
        [ErrorReasons.CorruptReplica] = RpcCode.DataLoss,
        [ErrorReasons.NodeProofRequired] = RpcCode.PermissionDenied,
        [ErrorReasons.Draining] = RpcCode.Unavailable,
        [ErrorReasons.Internal] = RpcCode.Internal,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly FrozenSet<string> Quotas = FrozenSet.ToFrozenSet(
        [ErrorReasons.QuotaBytes, ErrorReasons.QuotaKeys, ErrorReasons.DiskFull], StringComparer.Ordinal);

    /// <summary>The types of the details of an error, for code that writes them as text.</summary>
    public static TypeRegistry DetailTypes { get; } = TypeRegistry.FromFiles(ErrorDetailsReflection.Descriptor, ErrorReflection.Descriptor);

    /// <summary>The reasons that have a code, which is all of them.</summary>
    public static IEnumerable<string> Reasons => Codes.Keys;

    public static RpcCode CodeOf(string reason) => Codes.TryGetValue(reason, out var code) ? code : RpcCode.Unknown;

    /// <summary>The form for pipes and the parts of multi-key answers.</summary>
    public static ErrorDetail ToDetail(Failure failure)
    {
        var detail = new ErrorDetail
        {
            Code = (int)CodeOf(failure.Reason),
            Message = failure.Message,
            Reason = failure.Reason,
            Execution = failure.Execution,
            RouteHint = failure.Hint,
            RetryDelayMs = (long)Math.Ceiling(failure.RetryAfter.TotalMilliseconds),
        };
        foreach (var (name, value) in failure.Facts)
        {
            detail.Metadata[name] = value;
        }

        if (failure.Field is not null)
        {
            detail.Metadata["field"] = failure.Field;
        }

        return detail;
    }

    /// <summary>The failure that another node returned for a forwarded request.</summary>
    public static Failure ToFailure(ErrorDetail detail) =>
        new(detail.Reason, detail.Execution == Execution.NotExecuted ? Execution.NotExecuted : Execution.Unknown, detail.Message)
        {
            Field = detail.Metadata.GetValueOrDefault("field"),
            RetryAfter = TimeSpan.FromMilliseconds(Math.Clamp(detail.RetryDelayMs, 0, RetryDelayMsMax)),
            Hint = detail.RouteHint,
            Facts = [.. detail.Metadata.Where(fact => fact.Key != "field")],
        };

    /// <summary>The form for unary calls and streams that end.</summary>
    public static RpcException ToException(Failure failure)
    {
        var error = ToStatus(failure).ToRpcException();
        if (failure.RetryAfter > TimeSpan.Zero)
        {
            error.Trailers.Add(
                PushbackTrailer, Math.Ceiling(failure.RetryAfter.TotalMilliseconds).ToString(CultureInfo.InvariantCulture));
        }

        return error;
    }

    /// <summary>Code, message and details.</summary>
    public static Google.Rpc.Status ToStatus(Failure failure)
    {
        var status = new Google.Rpc.Status { Code = (int)CodeOf(failure.Reason), Message = failure.Message };
        var info = new ErrorInfo { Reason = failure.Reason, Domain = ErrorReasons.Domain };
        info.Metadata[ErrorReasons.ExecutionKey] = failure.IsNotExecuted ? ErrorReasons.NotExecuted : ErrorReasons.Unknown;
        foreach (var (name, value) in failure.Facts)
        {
            info.Metadata[name] = value;
        }

        status.Details.Add(Any.Pack(info));
        AddDetails(failure, status);
        return status;
    }

    private static void AddDetails(Failure failure, Google.Rpc.Status status)
    {
        if (failure.RetryAfter > TimeSpan.Zero)
        {
            status.Details.Add(Any.Pack(new RetryInfo { RetryDelay = Duration.FromTimeSpan(failure.RetryAfter) }));
        }

        if (failure.Field is not null)
        {
            var bad = new BadRequest();
            bad.FieldViolations.Add(new BadRequest.Types.FieldViolation { Field = failure.Field, Description = failure.Message });
            status.Details.Add(Any.Pack(bad));
        }

        if (Quotas.Contains(failure.Reason))
        {
            var quota = new QuotaFailure();
            quota.Violations.Add(new QuotaFailure.Types.Violation { Subject = failure.Reason, Description = failure.Message });
            status.Details.Add(Any.Pack(quota));
        }

        if (failure.Hint is not null)
        {
            status.Details.Add(Any.Pack(failure.Hint));
        }
    }

    /// <summary>
    /// The failure of a forwarded unary call. Without KvRaft's details it comes from the connection or from code between the
    /// nodes, and the execution is unknown.
    /// </summary>
    public static Failure? ToFailure(RpcException error)
    {
        var status = error.GetRpcStatus();
        if (status?.GetDetail<ErrorInfo>() is not { Domain: ErrorReasons.Domain } info)
        {
            return null;
        }

        info.Metadata.TryGetValue(ErrorReasons.ExecutionKey, out var execution);
        return new Failure(
            info.Reason, execution == ErrorReasons.NotExecuted ? Execution.NotExecuted : Execution.Unknown, status.Message)
        {
            Field = status.GetDetail<BadRequest>()?.FieldViolations.FirstOrDefault()?.Field,
            RetryAfter = TimeSpan.FromSeconds(Math.Clamp(status.GetDetail<RetryInfo>()?.RetryDelay is { } delay ? delay.Seconds + (delay.Nanos / 1e9) : 0, 0, RetryDelayMsMax / 1e3)),
            Hint = status.GetDetail<RouteHint>(),
            Facts = [.. info.Metadata.Where(fact => fact.Key != ErrorReasons.ExecutionKey)],
        };
    }
}
