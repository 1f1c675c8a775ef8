namespace KvRaft.Storage;

/// <summary>
/// One committed log entry as a state machine sees it: where it stands, the time the proposing leader gave it, and the commands
/// that were coalesced into it, in order. The memory belongs to the caller and is valid only during the call.
/// </summary>
/// <param name="Position">Term and index of the entry.</param>
/// <param name="ProposedAtMs">
/// The proposer's time, milliseconds since the Unix epoch. The only time a state machine may know; it may run backwards
/// from one leader to the next, so a state machine keeps the highest value it has seen.
/// </param>
/// <param name="Commands">The encoded commands; empty for an entry that only moves the log (a leader's no-op, a configuration).</param>
/// <param name="IsClockStep">The proposer measured that more time has passed since the entries before than <see cref="UndeclaredStepMsMax"/>.</param>
public readonly record struct CommittedEntry(LogPosition Position, long ProposedAtMs, IReadOnlyList<ReadOnlyMemory<byte>> Commands, bool IsClockStep = false)
{
    /// <summary>
    /// What one entry may add to a state machine's clock without declaring it. An entry follows the one before within seconds where somebody writes, and a stamp that
    /// is wrong by hours must not end what lives there.
    /// </summary>
    public const long UndeclaredStepMsMax = 60_000;

    /// <summary>
    /// A caller on this node waits for the outcomes. Where it is false, a state machine may leave out of them whatever only a caller needs; what it stores
    /// must not depend on it.
    /// </summary>
    public bool AnswersWanted { get; init; } = true;
}
