namespace KvRaft.Storage;

/// <summary>
/// The state machine of a Raft group. The key-value state machine of the shards and that of the placement driver implement it.
/// <para>
/// <b>Determinism.</b> <see cref="Apply"/> is a function of the state and the entries. It reads no clock, no random number, no
/// per-process hash, and iterates in a defined order, so that all replicas agree byte for byte.
/// </para>
/// <para>
/// <b>Failure.</b> A command that a rule refuses yields an <see cref="Outcome"/> on which all replicas agree. An exception means
/// that this replica alone cannot continue (disk, memory, broken invariant); the caller stops the replica and never retries.
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
    /// Raised when a read, or work in the background, found that the stored state is no longer reliable or writable (<see cref="Apply"/> and the
    /// other calls throw the faults that they find). The first fault only; on any thread; handlers return at once.
    /// </summary>
    event Action<StorageException> Faulted
    {
        add { }
        remove { }
    }

    /// <summary>Checks cheaply for faults that no call has found yet, and raises <see cref="Faulted"/> for them. Any thread.</summary>
    void Probe()
    {
    }

    /// <summary>The last entry whose effects are visible to reads. Never decreases while the instance exists.</summary>
    LogPosition Applied { get; }

    /// <summary>
    /// The last entry whose effects survive a power loss. After reopening, <see cref="Applied"/> starts here or later. The log
    /// may discard entries up to this position and no further. If it cannot be read, the last position that was read.
    /// </summary>
    LogPosition Durable { get; }

    /// <summary>
    /// The clock of the state machine, Unix milliseconds: it follows the stamps of the applied entries and never goes back. 0: no entry was applied, or there
    /// is no clock. The
    /// leader that stamps entries continues from it.
    /// </summary>
    long ClockMs => 0;

    /// <summary>
    /// Called when nothing was applied for a while and everything is flushed: releases the disk space of deleted and replaced rows, if it is worth the work.
    /// May take seconds; beside
    /// reads and <see cref="Apply"/>, from any thread, one call at a time.
    /// </summary>
    void Rest()
    {
    }

    /// <summary>
    /// Applies entries in order, without gaps, starting after <see cref="Applied"/>, all in one atomic write batch that also
    /// carries the position; or in several batches, each of whole entries, so that a batch stays small. Returns, for each entry, one outcome per command in the
    /// order of the entry.
    /// </summary>
    IReadOnlyList<IReadOnlyList<Outcome>> Apply(IReadOnlyList<CommittedEntry> entries);

    /// <summary>Makes everything applied survive a power loss: afterwards <see cref="Durable"/> is at least the <see cref="Applied"/> of the call.</summary>
    void Flush();

    /// <summary>
    /// Writes a consistent copy of the state, with its position, into <paramref name="directory"/>, which must not exist yet;
    /// hard links where possible, so that writers do not wait. The files are fsynced and flat (no sub-directories). Returns the
    /// position of the copy.
    /// </summary>
    LogPosition SaveCheckpoint(string directory);

    /// <summary>
    /// <see cref="SaveCheckpoint"/> in two parts. When this returns, the copy is taken and entries may be applied again. The returned action completes the copy
    /// beside them: it reads and syncs all of it, which takes seconds for some GiB. One copy at a time.
    /// </summary>
    (LogPosition Position, Action Complete) TakeCheckpoint(string directory) => (SaveCheckpoint(directory), static () => { });

    /// <summary>
    /// Replaces the whole state by the checkpoint in <paramref name="directory"/> (same file system; its files are consumed) by an
    /// atomic rename. A crash at any moment leaves the old or the new state. Refuses a position below <see cref="Applied"/>.
    /// </summary>
    /// <exception cref="InvalidDataException">The directory is not a complete checkpoint.</exception>
    void InstallCheckpoint(string directory);

    /// <summary>
    /// A fingerprint of the whole replicated state (data, sessions, revision, clock; not of its files), equal on two replicas
    /// that applied the same entries. Reads everything; for tests and operators.
    /// </summary>
    ulong Digest();

    /// <summary>
    /// Holds the current state, so that <see cref="Digest"/> can be computed while entries are applied. Called between two applies. It is fast for a large
    /// state; a small one may be read at once.
    /// </summary>
    DigestSource BeginDigest()
    {
        var digest = Digest();
        return new DigestSource(_ => digest, static () => { });
    }

    /// <summary>
    /// The command that the leader must propose when time alone changes this state machine (keys that expire by
    /// <paramref name="nowMs"/>, sessions to purge), or null. The leader calls it at regular intervals.
    /// </summary>
    ReadOnlyMemory<byte>? DueCommand(long nowMs);
}
