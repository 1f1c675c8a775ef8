namespace KvRaft.Storage;

/// <summary>
/// One committed log entry as a state machine sees it: its position, the stamp of the proposing leader, and the commands
/// that it carries, in order. The memory belongs to the caller and is valid only during the call.
/// </summary>
/// <param name="Position">Term and index of the entry.</param>
/// <param name="ProposedAtMs">
/// The time of the proposer, milliseconds since the Unix epoch. It is the only time that a state machine may use. It may decrease
/// from one leader to the next, so a state machine keeps the highest value it has seen.
/// </param>
/// <param name="Commands">The encoded commands; empty for an entry that only moves the log (a leader's no-op, a configuration).</param>
/// <param name="IsClockStep">The proposer measured that more time than <see cref="UndeclaredStepMsMax"/> has passed since the entries before.</param>
public readonly record struct CommittedEntry(LogPosition Position, long ProposedAtMs, IReadOnlyList<ReadOnlyMemory<byte>> Commands, bool IsClockStep = false)
{
    /// <summary>
    /// The most that one entry may add to the clock of a state machine without a declaration. During writes an entry follows the one before within seconds,
    /// and a
    /// wrong stamp must not expire hours of data.
    /// </summary>
    public const long UndeclaredStepMsMax = 60_000;

    /// <summary>
    /// A caller on this node waits for the outcomes. If false, a state machine may leave out of them everything that only a caller needs. The stored state
    /// must not depend on it.
    /// </summary>
    public bool AnswersWanted { get; init; } = true;
}
