using KvRaft.Storage.Schema;

namespace KvRaft.Storage.Commands;

/// <summary>The result of a command. The numbers are part of the remembered-outcome format.</summary>
public enum ShardStatus : byte
{
    /// <summary>Applied; <see cref="ShardOutcome.Version"/> is its version.</summary>
    Applied = 1,

    /// <summary>The condition on the key did not hold; nothing changed.</summary>
    ConditionFailed = 2,

    /// <summary>A rule forbids the command; nothing changed, and <see cref="ShardOutcome.Reason"/> names the rule.</summary>
    Refused = 3,
}

/// <summary>Why a command was refused. The numbers are part of the remembered-outcome format.</summary>
public enum RefusalReason : byte
{
    None = 0,

    /// <summary>The bytes are not a command (a fault of the proposer; every replica sees the same bytes).</summary>
    Malformed = 1,

    /// <summary>The stamp was used before with another body.</summary>
    RequestIdReused = 2,

    /// <summary>
    /// The stamp is older than what the shard remembers: this attempt was not applied, an earlier one may have been. If the writer
    /// never sent this request before, it takes a new <see cref="ClientId"/> and sends the request again.
    /// </summary>
    RequestIdExpired = 3,

    /// <summary>The value of an increment is not a decimal number.</summary>
    NotANumber = 4,

    /// <summary>The result of an increment is outside [Min, Max] or the range of 64 bits.</summary>
    OutOfBounds = 5,

    /// <summary>A range that must be deleted as a whole holds more keys than the command allows.</summary>
    RangeTooLarge = 6,

    /// <summary>
    /// The answer would hold more than <see cref="ShardCommand.AnswerBytesMax"/>. Not remembered: the writer may send the same stamp again with a higher limit.
    /// <see cref="ShardOutcome.Affected"/> holds the bytes up to the value that passed the limit.
    /// </summary>
    AnswerTooLarge = 7,
}

/// <summary>
/// The answer to one <see cref="ShardCommand"/>. All replicas compute the same one. The outcome of a stamped command is remembered, and a
/// repeat receives it with <see cref="Deduplicated"/> set. Immutable.
/// </summary>
public sealed partial class ShardOutcome : Outcome
{
    public required ShardStatus Status { get; init; }

    public RefusalReason Reason { get; init; }

    /// <summary>
    /// Applied: the revision of this command, which is the version of everything it wrote. Condition failed: the version of
    /// the key (0 = absent). Refused: 0. A tick gets no revision and returns the current one.
    /// </summary>
    public long Version { get; init; }

    /// <summary>The previous version of the key; 0 = it was absent. For applied single-key commands.</summary>
    public long PreviousVersion { get; init; }

    /// <summary>
    /// If requested: the value before the command or, after a failed condition, the current one; null when absent or when
    /// <see cref="ValueForgotten"/>.
    /// </summary>
    public StoredValue? Previous { get; init; }

    /// <summary>
    /// For an applied put, touch or increment: when the resulting value expires, Unix milliseconds; 0 = never. A repeat returns
    /// the instant of the first application.
    /// </summary>
    public long ExpireAtMs { get; init; }

    /// <summary>The result of an increment.</summary>
    public long Counter { get; init; }

    /// <summary>For a transaction: whether every comparison held, so that <c>Then</c> ran.</summary>
    public bool Succeeded { get; init; }

    /// <summary>For a transaction: one result per operation that ran, in order. Empty otherwise.</summary>
    public IReadOnlyList<TxnResult> Results { get; init; } = [];

    /// <summary>How many keys a range command removed, how many rows a tick purged, or how many bytes a too large answer needed.</summary>
    public long Affected { get; init; }

    /// <summary>For a bounded range command: where the next one starts; null when the range is done.</summary>
    public ReadOnlyMemory<byte>? ResumeKey { get; init; }

    /// <summary>This is the remembered answer of an earlier application of the same stamp.</summary>
    public bool Deduplicated { get; init; }

    /// <summary>
    /// Values longer than <see cref="ShardLimits.RememberedValueBytesMax"/> in total were not remembered, so <see cref="Previous"/> and the values in
    /// <see cref="Results"/> are missing in this repeat. Also set if no caller waits for the answer and the values were not kept.
    /// </summary>
    public bool ValueForgotten { get; init; }

    /// <summary>The same outcome without the values that only a waiting caller needs.</summary>
    internal ShardOutcome WithoutValues() =>
        Previous is null && !Results.Any(static result => result.Value is not null) ? this : Copy(isForgotten: true);

    private ShardOutcome Copy(bool isForgotten) => new()
    {
        Status = Status,
        Reason = Reason,
        Version = Version,
        PreviousVersion = PreviousVersion,
        ExpireAtMs = ExpireAtMs,
        Counter = Counter,
        Succeeded = Succeeded,
        Results = [.. Results.Select(static result => result with { Value = null })],
        Affected = Affected,
        ResumeKey = ResumeKey,
        Deduplicated = Deduplicated,
        ValueForgotten = isForgotten,
    };
}

/// <summary>The result of one <see cref="TxnOperation"/>.</summary>
/// <param name="PreviousVersion">The version before the operation: of the value that a get read or a write replaced; 0 = absent.</param>
/// <param name="Value">The value that a get read, or that a write with ReturnPrevious replaced; null when absent or forgotten, and for other writes.</param>
/// <param name="Counter">The result of an increment.</param>
public readonly record struct TxnResult(long PreviousVersion, StoredValue? Value = null, long Counter = 0);
