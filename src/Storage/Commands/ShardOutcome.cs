using KvRaft.Storage.Schema;

namespace KvRaft.Storage.Commands;

/// <summary>How a command ended. The numbers are part of the remembered-outcome format.</summary>
public enum ShardStatus : byte
{
    /// <summary>Done; <see cref="ShardOutcome.Version"/> is its version.</summary>
    Applied = 1,

    /// <summary>The key was not as the command demanded; nothing changed.</summary>
    ConditionFailed = 2,

    /// <summary>A rule forbade it; nothing changed, and <see cref="ShardOutcome.Reason"/> says which.</summary>
    Refused = 3,
}

/// <summary>Why a command was refused. The numbers are part of the remembered-outcome format.</summary>
public enum RefusalReason : byte
{
    None = 0,

    /// <summary>The bytes are no command (a fault of the proposer; every replica sees the same bytes).</summary>
    Malformed = 1,

    /// <summary>The stamp was used before with another body.</summary>
    RequestIdReused = 2,

    /// <summary>
    /// The stamp is older than what the shard remembers: this attempt was not applied, an earlier one may have been. A writer that
    /// knows it never sent this request before takes a new <see cref="ClientId"/> and sends it again.
    /// </summary>
    RequestIdExpired = 3,

    /// <summary>An increment met a value that is no decimal number.</summary>
    NotANumber = 4,

    /// <summary>An increment would leave [Min, Max] or the range of 64 bits.</summary>
    OutOfBounds = 5,

    /// <summary>A range that must go as a whole holds more keys than the command allows.</summary>
    RangeTooLarge = 6,

    /// <summary>
    /// The answer would hold more than <see cref="ShardCommand.AnswerBytesMax"/>. Not remembered: the same stamp may be sent again with more room.
    /// <see cref="ShardOutcome.Affected"/> has the bytes up to the value that passed the limit.
    /// </summary>
    AnswerTooLarge = 7,
}

/// <summary>
/// The answer to one <see cref="ShardCommand"/>. All replicas compute the same one; stamped commands have it remembered, and a
/// repeat gets it back with <see cref="Deduplicated"/> set. Immutable.
/// </summary>
public sealed class ShardOutcome : Outcome
{
    public required ShardStatus Status { get; init; }

    public RefusalReason Reason { get; init; }

    /// <summary>
    /// Applied: the revision this command was given, which is the version of everything it wrote. Condition failed: the version
    /// the key has (0 = absent). Refused: 0. Ticks get no revision and answer the current one.
    /// </summary>
    public long Version { get; init; }

    /// <summary>The version the key had before; 0 = it was absent. For single-key commands that were applied.</summary>
    public long PreviousVersion { get; init; }

    /// <summary>
    /// If asked for: the value before the command or, after a failed condition, the current one; null when absent or when
    /// <see cref="ValueForgotten"/>.
    /// </summary>
    public StoredValue? Previous { get; init; }

    /// <summary>
    /// Of a put, touch or increment that was applied: when the value it left ends, Unix milliseconds; 0 = never. A repeat is answered
    /// with the instant of the first application.
    /// </summary>
    public long ExpireAtMs { get; init; }

    /// <summary>What an increment arrived at.</summary>
    public long Counter { get; init; }

    /// <summary>For a transaction: whether every comparison held, so that <c>Then</c> ran.</summary>
    public bool Succeeded { get; init; }

    /// <summary>For a transaction: one result per operation that ran, in order. Empty otherwise.</summary>
    public IReadOnlyList<TxnResult> Results { get; init; } = [];

    /// <summary>How many keys a range command removed, how many rows a tick purged, or how many bytes an answer needed that was too large.</summary>
    public long Affected { get; init; }

    /// <summary>For a bounded range command: where the next one starts; null when the range is done.</summary>
    public ReadOnlyMemory<byte>? ResumeKey { get; init; }

    /// <summary>This is the remembered answer of an earlier application of the same stamp.</summary>
    public bool Deduplicated { get; init; }

    /// <summary>
    /// Values longer than <see cref="ShardLimits.RememberedValueBytesMax"/> in all were not remembered, so <see cref="Previous"/> and the values in
    /// <see cref="Results"/> are missing in this repeat; also set where nobody waits for the answer and they were not kept.
    /// </summary>
    public bool ValueForgotten { get; init; }

    /// <summary>The same outcome without the values that only a waiting caller needs.</summary>
    internal ShardOutcome WithoutValues() =>
        Previous is null && !Results.Any(static result => result.Value is not null) ? this : Copy(isForgotten: true);

#if PLANTED_BUGS
    /// <summary>For the planted bug: the values are gone, and the answer does not say so.</summary>
    internal ShardOutcome WithoutValuesUnsaid() => Copy(isForgotten: false);
#endif

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
/// <param name="PreviousVersion">The version found there: what a get read, what a write replaced; 0 = absent.</param>
/// <param name="Value">What a get read, or what a write replaced that was to return it; null when absent or forgotten, and for other writes.</param>
/// <param name="Counter">What an increment arrived at.</param>
public readonly record struct TxnResult(long PreviousVersion, StoredValue? Value = null, long Counter = 0);
