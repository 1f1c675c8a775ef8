using Google.Protobuf;
using KvRaft.Node.Requests;
using KvRaft.Storage.Commands;
using KvRaft.V1;
using Operation = KvRaft.V1.PipeCall.OperationOneofCase;

namespace KvRaft.Node.ShardRequests;

/// <summary>Translates the answers of a replica to the messages of the wire. Pure.</summary>
internal static class SingleKeyAnswers
{
    public static PipeAnswer OfFailure(long correlationId, Failure failure) =>
        new() { CorrelationId = correlationId, Error = RpcStatus.ToDetail(failure) };

    /// <summary>The answer of a write that reached the log.</summary>
    /// <param name="call">The request of the caller.</param>
    /// <param name="outcome">The outcome of the state machine.</param>
    /// <param name="header">The answer's header; the outcome adds to it.</param>
    public static PipeAnswer OfWrite(PipeCall call, ShardOutcome outcome, ResponseHeader header)
    {
        header.Deduplicated = outcome.Deduplicated;
        header.ValuesNotKept = outcome.ValueForgotten;
        var answer = new PipeAnswer { CorrelationId = call.CorrelationId };
        if (outcome.Status == ShardStatus.Refused)
        {
            answer.Error = RpcStatus.ToDetail(OfRefusal(outcome.Reason, call.Header(), header));
            return answer;
        }

        var applied = outcome.Status == ShardStatus.Applied;
        switch (call.OperationCase)
        {
            case Operation.Put:
                answer.Put = new PutResponse
                {
                    Header = header,
                    Applied = applied,
                    Version = applied ? outcome.Version : 0,
                    Previous = applied && call.Put.Options is { ReturnPrevious: true } ? ToState(outcome.Previous, header) : null,
                    Current = applied ? null : ToState(outcome.Previous, header),
                    ExpireAtMs = outcome.ExpireAtMs,
                };
                break;
            case Operation.Delete:
                answer.Delete = new DeleteResponse
                {
                    Header = header,
                    Applied = applied,
                    Version = applied ? outcome.Version : 0,
                    Existed = (applied ? outcome.PreviousVersion : outcome.Version) > 0,
                    Previous = applied && call.Delete.Options is { ReturnPrevious: true } ? ToState(outcome.Previous, header) : null,
                    Current = applied ? null : ToState(outcome.Previous, header),
                };
                break;
            case Operation.Increment:
                answer.Increment = new IncrementResponse
                {
                    Header = header,
                    Value = outcome.Counter,
                    Version = outcome.Version,
                    ExpireAtMs = outcome.ExpireAtMs,
                    ConditionFailed = !applied,
                };
                break;
            case Operation.Touch:
                answer.Touch = new TouchResponse
                {
                    Header = header,
                    Applied = applied,
                    Found = applied || outcome.Version > 0,
                    Version = outcome.Version,
                    ExpireAtMs = outcome.ExpireAtMs,
                };
                break;
            default:
                throw new ArgumentException($"{call.OperationCase} is no write", nameof(call));
        }

        return answer;
    }

    /// <summary>The answer of a read.</summary>
    public static PipeAnswer OfRead(PipeCall call, StoredValue? found, ResponseHeader header)
    {
        var request = call.Get;
        var response = new GetResponse { Header = header, Found = found is not null };
        if (found is { } value)
        {
            response.NotModified = request.IfVersionNot == value.Version;
            response.Current = ToState(value, header, keepValue: !request.HeadOnly && !response.NotModified);
        }

        return new PipeAnswer { CorrelationId = call.CorrelationId, Get = response };
    }

    public static ValueState? ToState(StoredValue? value, ResponseHeader header) => value is { } there ? ToState(there, header, keepValue: true) : null;

    /// <summary>The bytes are wrapped, not copied: a stored value that was read has no other holder.</summary>
    /// <param name="value">The record that was found.</param>
    /// <param name="header">The answer's; its time is the shard's clock.</param>
    /// <param name="keepValue">False: version and expiry only.</param>
    public static ValueState ToState(StoredValue value, ResponseHeader header, bool keepValue) => new()
    {
        Value = keepValue ? UnsafeByteOperations.UnsafeWrap(value.Value) : ByteString.Empty,
        Version = value.Version,
        ExpireAtMs = value.ExpireAtMs,
        TtlMs = value.ExpireAtMs == 0 ? 0 : Math.Max(1, value.ExpireAtMs - header.ServerTimeMs),
    };

    /// <summary>Bytes of the values or of the error in an answer: the part of its window that it holds.</summary>
    public static long HeldBytes(PipeAnswer answer) => answer.ResultCase switch
    {
        PipeAnswer.ResultOneofCase.Get => BytesOf(answer.Get.Current),
        PipeAnswer.ResultOneofCase.Put => BytesOf(answer.Put.Previous) + BytesOf(answer.Put.Current),
        PipeAnswer.ResultOneofCase.Delete => BytesOf(answer.Delete.Previous) + BytesOf(answer.Delete.Current),
        PipeAnswer.ResultOneofCase.Error => answer.Error.CalculateSize(),
        _ => 0,
    };

    public static long BytesOf(ValueState? state) => state?.Value.Length ?? 0;

    /// <summary>The refusal that every replica agreed on.</summary>
    /// <param name="reason">Why.</param>
    /// <param name="asked">The header of the request.</param>
    /// <param name="answered">The header of the answer: the shard, and the index at which it refused.</param>
    public static Failure OfRefusal(RefusalReason reason, RequestHeader? asked, ResponseHeader answered) => reason switch
    {
        RefusalReason.RequestIdReused => Failure.Refused(
            ErrorReasons.RequestIdReused, "this identity was used for another request before"),

        RefusalReason.RequestIdExpired => SessionUnknown(asked?.Identity, answered),
        RefusalReason.NotANumber => Failure.Refused(ErrorReasons.NotANumber, "the value is no decimal number of 64 bits"),
        RefusalReason.OutOfBounds => Failure.Refused(ErrorReasons.OutOfBounds, "the result would leave its bounds"),
        RefusalReason.RangeTooLarge => Failure.Limit(new Options.LimitExceeded(
            "range", "keys of an atomic range deletion", ShardLimits.DeleteRangeKeysMax, ShardLimits.DeleteRangeKeysMax + 1)),
        RefusalReason.AnswerTooLarge => Failure.Limit(new Options.LimitExceeded(
            "answer", "values of one answer", ShardLimits.AnswerBytesMax, ShardLimits.AnswerBytesMax + 1L)),
        _ => Failure.Internal(Execution.NotExecuted),
    };
    /// <summary>This attempt was not applied. Whether an earlier one was applied is certain only for a writer that made no earlier attempt.</summary>
    private static Failure SessionUnknown(RequestIdentity? identity, ResponseHeader answered) => new(
        ErrorReasons.RequestIdExpired,
        identity is { FirstAttempt: true } ? Execution.NotExecuted : Execution.Unknown,
        identity is { FirstAttempt: true }
            ? "the shard has no record of this session; nothing was applied; send it again with the after_shard and after_index of this error"
            : "the shard has no record of this session any more; an earlier attempt may have been applied")
    {
        Facts =
        [
            new(ErrorReasons.AfterShardKey, answered.Shard.ToString(System.Globalization.CultureInfo.InvariantCulture)),
            new(ErrorReasons.AfterIndexKey, answered.AppliedIndex.ToString(System.Globalization.CultureInfo.InvariantCulture)),
        ],
    };
}
