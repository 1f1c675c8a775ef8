using KvRaft.Node.Requests;
using KvRaft.Storage.Commands;
using KvRaft.V1;

namespace KvRaft.Node.ShardRequests;

/// <summary>The failure of a command that every replica refused. Pure.</summary>
internal static class ShardRefusal
{
    /// <param name="reason">Why.</param>
    /// <param name="asked">The header of the request.</param>
    /// <param name="answered">The header of the answer: the shard, and the index at which it refused.</param>
    public static Failure Of(RefusalReason reason, RequestHeader? asked, ResponseHeader answered) => reason switch
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
