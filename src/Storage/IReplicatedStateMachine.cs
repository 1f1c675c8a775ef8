namespace KvRaft.Storage;

/// <summary>
/// What a Raft group drives: the shards' key-value state machine and the placement driver's, alike.
/// <para>
/// <b>Determinism.</b> <see cref="Apply"/> is a function of the state and the entries. It reads no clock, no random number, no
/// per-process hash, and iterates in a defined order, so that all replicas agree byte for byte.
/// </para>
/// <para>
/// <b>Failure.</b> A command that is refused by a rule yields an <see cref="Outcome"/> all replicas agree on. An exception means
/// that this replica alone could not go on (disk, memory, broken invariant); the caller stops the replica and never retries.
/// </para>
/// <para>
/// <b>Threading.</b> <see cref="Apply"/>, <see cref="Flush"/>, <see cref="SaveCheckpoint"/> and
/// <see cref="InstallCheckpoint"/> are called by one caller at a time. The properties may be read, and the implementation's own
/// reads may run, from any thread at any time, also during <see cref="Apply"/> and <see cref="InstallCheckpoint"/>.
/// </para>
/// </summary>
public interface IReplicatedStateMachine : IDisposable
{
    /// <summary>
    /// Raised when a read, or work in the background, found that the stored state cannot be relied on or written any more (what <see cref="Apply"/> and the
    /// other calls find, they throw). The first fault only; on any thread; handlers return at once.
    /// </summary>
    event Action<StorageException> Faulted
    {
        add { }
        remove { }
    }

    /// <summary>Looks for faults that nothing has met yet, cheaply; what it finds goes to <see cref="Faulted"/>. Any thread.</summary>
    void Probe()
    {
    }

    /// <summary>The last entry whose effects are visible to reads. Never goes back while the instance lives.</summary>
    LogPosition Applied { get; }

    /// <summary>
    /// The last entry whose effects survive a power cut. After reopening, <see cref="Applied"/> starts here or later. The log
    /// may forget entries up to this position and no further. Where it cannot be read, the last position that could.
    /// </summary>
    LogPosition Durable { get; }

    /// <summary>
    /// The clock of the state machine, Unix milliseconds: it follows the stamps of the applied entries and never goes back. 0: none was applied, or it keeps none. Whoever stamps
    /// entries carries it on.
    /// </summary>
    long ClockMs => 0;

    /// <summary>
    /// Nothing was applied for a while and everything is flushed: gives back disk that deleted and replaced rows still hold, if it is worth the work. May take seconds; beside
    /// reads and <see cref="Apply"/>, from any thread, one call at a time.
    /// </summary>
    void Rest()
    {
    }

    /// <summary>
    /// Applies entries in order, without gaps, starting after <see cref="Applied"/>, all in one atomic write batch that also
    /// carries the position; or in several, each of whole entries, so that a batch stays small. Answers, for each entry, one outcome per command in the
    /// entry's order.
    /// </summary>
    IReadOnlyList<IReadOnlyList<Outcome>> Apply(IReadOnlyList<CommittedEntry> entries);

    /// <summary>Makes everything applied survive a power cut: afterwards <see cref="Durable"/> is at least the <see cref="Applied"/> of the call.</summary>
    void Flush();

    /// <summary>
    /// Writes a consistent copy of the state, with its position, into <paramref name="directory"/>, which must not exist yet;
    /// hard links where possible, so writers are not paused. The files are fsynced and flat (no sub-directories). Returns the
    /// position of the copy.
    /// </summary>
    LogPosition SaveCheckpoint(string directory);

    /// <summary>
    /// <see cref="SaveCheckpoint"/> in two parts. When this returns, the copy is taken and entries may be applied again; what it returns makes the copy
    /// complete, beside them. That reads and syncs all of it, which for some GiB takes seconds. One copy at a time.
    /// </summary>
    (LogPosition Position, Action Complete) TakeCheckpoint(string directory) => (SaveCheckpoint(directory), static () => { });

    /// <summary>
    /// Replaces the whole state by the checkpoint in <paramref name="directory"/> (same file system; its files are consumed) by an
    /// atomic rename. A crash at any moment leaves the old or the new state. Refuses a position below <see cref="Applied"/>.
    /// </summary>
    /// <exception cref="InvalidDataException">The directory holds no complete checkpoint.</exception>
    void InstallCheckpoint(string directory);

    /// <summary>
    /// A fingerprint of the whole replicated state (data, sessions, revision, clock; not of its files), equal on two replicas
    /// that applied the same entries. Walks everything; for tests and operators.
    /// </summary>
    ulong Digest();

    /// <summary>
    /// Holds the state as it is now, for <see cref="Digest"/> to be computed while entries are applied. Called between two applies, and quick where the state is
    /// large; a small one may be read at once.
    /// </summary>
    DigestSource BeginDigest()
    {
        var digest = Digest();
        return new DigestSource(_ => digest, static () => { });
    }

    /// <summary>
    /// The command this state machine wants proposed when time alone changes it (keys due to expire by
    /// <paramref name="nowMs"/>, sessions to purge), or null. Asked by the leader at a steady pace.
    /// </summary>
    ReadOnlyMemory<byte>? DueCommand(long nowMs);
}
