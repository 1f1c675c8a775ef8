using KvRaft.Storage.Schema;

namespace KvRaft.Storage.Commands;

/// <summary>The outcomes that the commands on one key share.</summary>
internal static class SingleKeyOutcomes
{
    /// <summary>The head of a key, and whether a condition holds for it.</summary>
    public static (RowHead? Current, bool Holds) Check(this IApplyScope shard, KeyspaceId keyspace, ReadOnlySpan<byte> key, Condition condition)
    {
        var current = shard.FindHead(keyspace, key);
        return (current, shard.Holds(condition, keyspace, key, current));
    }

    /// <summary>The refusal of an answer with this value, before its bytes are read.</summary>
    public static ShardOutcome? TooLarge(this ShardCommand command, RowHead? answered) =>
        answered is { } value && value.ValueBytes + ShardLimits.AnswerOverheadBytes is var bytes && bytes > command.AnswerBytesMax
            ? new() { Status = ShardStatus.Refused, Reason = RefusalReason.AnswerTooLarge, Affected = bytes }
            : null;

    public static ShardOutcome Failed(this ShardCommand command, IApplyScope shard, KeyspaceId keyspace, ReadOnlySpan<byte> key, RowHead? current, bool withValue) =>
        (withValue ? command.TooLarge(current) : null) ?? Failed(current, withValue ? shard.Find(keyspace, key) : null);

    public static ShardOutcome Failed(RowHead? current, StoredValue? answered = null) => new()
    {
        Status = ShardStatus.ConditionFailed,
        Version = current?.Version ?? 0,
        Previous = answered,
    };

    public static ShardOutcome Applied(long version, RowHead? before, StoredValue? answered = null, long counter = 0, long expireAtMs = 0) => new()
    {
        Status = ShardStatus.Applied,
        Version = version,
        PreviousVersion = before?.Version ?? 0,
        Previous = answered,
        Counter = counter,
        ExpireAtMs = expireAtMs,
    };

    public static ShardOutcome Refused(RefusalReason reason) => new() { Status = ShardStatus.Refused, Reason = reason };
}
