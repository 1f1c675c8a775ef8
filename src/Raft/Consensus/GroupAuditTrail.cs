using DotNext.IO;
using DotNext.IO.Log;
using DotNext.Net.Cluster;
using DotNext.Net.Cluster.Consensus.Raft;
using DotNext.Net.Cluster.Consensus.Raft.Membership;
using DotNext.Net.Cluster.Consensus.Raft.StateMachine;
using KvRaft.Raft.Log;
using KvRaft.Raft.Proposals;
using KvRaft.Raft.Telemetry;
using KvRaft.Storage;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;
using LogEntry = KvRaft.Raft.Log.LogEntry;

namespace KvRaft.Raft.Consensus;

/// <summary>
/// The adapter between DotNext and the node log: one group's part of that log in the form that DotNext requires.
/// <para>
/// <b>Why it derives from WriteAheadLog.</b> DotNext casts its log to <c>IPersistentState</c>, which cannot be implemented outside
/// its assembly (one setter is internal). A subclass of its stock log that re-implements the interfaces explicitly can implement it: the
/// runtime then maps every member that DotNext calls to ours. The base class stays dormant: it owns four tiny files and is never
/// initialised. The stock log itself is not usable: a follower acknowledges before its fsync, each group syncs alone, and a
/// late duplicate truncates entries that match.
/// </para>
/// <para>
/// <b>What it guarantees.</b> A follower's append returns after all acknowledged entries are fsynced. Entries that are already
/// there with the same term are kept, and a conflict truncates only above the commit index. A term or vote is fsynced before it
/// is answered. A leader's append returns at once, and its entries are replicated while its own fsync runs;
/// <c>CommitAsync</c> only records the index that the quorum acknowledged, and the commit index follows once our own disk has the entries, too. So the
/// leader's own acknowledgement is never counted before it is durable.
/// </para>
/// <para>
/// <b>What it never does.</b> It never returns a snapshot: below the log start it throws one cached exception, which DotNext treats as "member unavailable" (see
/// ARCHITECTURE.md, "Snapshots"). And DotNext never counts an answer to a part of a round (<see cref="ReplicationAnswer"/>).
/// </para>
/// <para>Thread-safe. Fields are guarded by <c>_gate</c> unless their comment states otherwise.</para>
/// </summary>
internal sealed class GroupAuditTrail : WriteAheadLog, IPersistentState, IAuditTrail<IRaftLogEntry>, IAuditTrail
{
    /// <summary>The only exception that DotNext's replication loop ignores silently. It is cached: one per attempt would cost 20 ms/s (measured).</summary>
    private readonly MemberUnavailableException _belowStart;

    /// <summary>How long the write of a small file waits for space on a full disk before the next attempt.</summary>
    private static readonly TimeSpan RoomRetryPeriod = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private volatile bool _isDetached;
    private readonly GroupLog _log;
    private readonly ILogger _logger;
    private readonly ApplyProgress _progress;

    /// <summary>Indices of configuration entries above the last saved one, ascending.</summary>
    private readonly SortedSet<long> _configurations = [];

    /// <summary>The commit index of this log. Never falls. Read without the gate.</summary>
    private long _commitIndex;

    /// <summary>The index that a quorum acknowledged in this term, without our own disk; the commit index follows it up to the durable index.</summary>
    private long _quorumIndex;

    /// <summary>The last term in which this process campaigned; 0 before it ever did.</summary>
    private long _standingTerm;

    /// <summary>
    /// The last term that this process led: it won the election, and DotNext appended the term's first entry. 0 before it ever led.
    /// Read without the gate.
    /// </summary>
    private long _leadingTerm;

    /// <summary>The end of the log at the start, or an earlier index after a part of that log was found not to be committed. Never rises. Read without the gate.</summary>
    private long _replayedUpTo;

    /// <summary>Copy of the ballot's term, read without the gate.</summary>
    private long _term;

    /// <summary>The last configuration passed to the member storage; saves run in order, one at a time.</summary>
    private Task _savingConfiguration = Task.CompletedTask;

    public GroupAuditTrail(GroupLog log, LogPosition applied, ApplyProgress progress, string shellDirectory, ILogger logger)
        : base(new Options { Location = shellDirectory, ChunkSize = 4096 }, IStateMachine.CreateNoOp())
    {
        _log = log;
        _logger = logger;
        _progress = progress;
        _term = log.Ballot.Term;
        _commitIndex = _quorumIndex = applied.Index;
        _replayedUpTo = log.LastIndex;
        _belowStart = new MemberUnavailableException(null!, $"Group {log.Key.Group}: the log starts later than the peer needs.");
        FindConfigurations(applied.Index + 1);
        _log.DurableAdvanced += OnDurable;
    }

    /// <summary>Raised, outside the gate, each time the commit index rose. Must be quick: it may run on the log's writer thread.</summary>
    public event Action? Committed;

    /// <summary>
    /// Raised when a peer requested an entry below our log start: the peer that leads is too far behind for this replica to follow, and
    /// must receive our position.
    /// </summary>
    public event Action? AskedBelowStart;

    /// <summary>
    /// Raised when a leader's entries ended before the last of them was read. The leader will send them again, from the same index on. If they are more
    /// than can be sent before a request times out, it repeats this for ever.
    /// </summary>
    public event Action? CutShort;

    /// <summary>Raised, inside the gate, when a leader sends an entry that differs from the one committed here. Must be quick.</summary>
    public event Action<string>? Conflicted;

    /// <summary>Raised when a round ended for a follower before the follower had all entries. Must be quick.</summary>
    public event Action? MoreToSend;

    /// <summary>
    /// A run of entries is closed at this size, some 10 ms of a disk and well within a request's time; the next run is sent after the answer. DotNext requests
    /// all entries that a follower lacks. In one request they were all read into memory, and a large request never arrived in time.
    /// </summary>
    public int RunBytesWanted { get; init; } = 1 << 20;

    /// <summary>
    /// For this long, in one round, run after run is sent to a follower. A follower that keeps up has everything well within it (the proposals of a group in progress are at most
    /// some MiB), so its answer counts. A follower that is far behind delays a round by at most this time plus one request.
    /// </summary>
    public TimeSpan RunsLast { get; init; } = TimeSpan.FromMilliseconds(300);

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>
    /// Returns whether entries of this many bytes may be appended, which need disk space. Called only for commands: terms, votes and configurations are small, and a group that
    /// could not store them could neither elect a leader nor be repaired.
    /// </summary>
    public Func<int, bool> HasRoomFor { get; init; } = static _ => true;

    /// <summary>Called with each commit before the commit is visible; a test build verifies there that a majority holds the entry.</summary>
    public Action<long>? CommitWitness { get; init; }

    public long CommitIndex => Volatile.Read(ref _commitIndex);

    public long Term => Volatile.Read(ref _term);

    /// <summary>
    /// The last term that this process won; 0 before it ever won. When a leader receives its successor's term, <see cref="Term"/> is the successor's term until
    /// that term is on disk, and only then the leader steps down. So code that acts for a leader uses this term, never <see cref="Term"/>.
    /// </summary>
    public long LeadingTerm => Volatile.Read(ref _leadingTerm);

    public long LastIndex => _log.LastIndex;

    /// <summary>
    /// The highest index that this process's previous run may have applied. Truncated entries were not committed, so they were not applied.
    /// </summary>
    public long ReplayedUpTo => Volatile.Read(ref _replayedUpTo);

    long IPersistentState.Term => Term;

    int IPersistentState.Version => 0;

    long IAuditTrail.LastEntryIndex => _log.LastIndex;

    long IAuditTrail.LastCommittedEntryIndex => CommitIndex;

    bool IAuditTrail.IsLogEntryLengthAlwaysPresented => true;

    Task IAuditTrail.InitializeAsync(CancellationToken token) => Task.CompletedTask;

    public void Detach()
    {
        _isDetached = true;
        _log.DurableAdvanced -= OnDurable;
    }

    /// <summary>
    /// The state machine is at a checkpoint's position: the log begins anew there. Entries above it stay only if our entry at the
    /// position is the same. The caller holds the applier paused.
    /// </summary>
    public void ResetTo(LogPosition position)
    {
        lock (_gate)
        {
            _log.Reset(position);
            Invariant.Holds(_log.LastIndex >= _commitIndex, $"A checkpoint at {position} may not take back commit index {_commitIndex}.");
            Volatile.Write(ref _commitIndex, Math.Max(_commitIndex, position.Index));
            _quorumIndex = Math.Max(_commitIndex, Math.Min(_quorumIndex, _log.LastIndex));
            Volatile.Write(ref _replayedUpTo, Math.Min(_replayedUpTo, _log.LastIndex));
            _configurations.RemoveWhere(index => index <= position.Index || index > _log.LastIndex);
        }
    }

    /// <summary>
    /// In a term, and in all terms before it, the vote counts as given to no candidate. If a vote in this term is on record, that vote stays: a term has one
    /// vote, and a recorded vote was not lost.
    /// </summary>
    public void Abstain(long term)
    {
        Span<byte> nobody = stackalloc byte[ClusterMemberId.Size];
        nobody.Fill(byte.MaxValue);
        lock (_gate)
        {
            if (_log.Ballot.Term > Ballot.TermMax)
            {
                // No replica was ever elected in such a term, so a vote in it has no effect.
                SetBallot(term, nobody);
            }
            else if (_log.Ballot.Term < term || _log.Ballot.VotedFor.IsEmpty)
            {
                SetBallot(Math.Max(term, _log.Ballot.Term), nobody);
            }
        }
    }

    /// <summary>
    /// Appends entries that are committed on another replica, pulled by a replica that is not a member yet. Returns when they are on disk, and commits
    /// them. A term is adopted without a vote in it, so this log is never newer than its ballot.
    /// </summary>
    public async ValueTask AppendCommittedAsync(IReadOnlyList<LogEntry> entries)
    {
        lock (_gate)
        {
            foreach (var entry in entries)
            {
                ThrowIfOutOfRoom(entry.Index, entry.Kind, entry.Payload);
                if (entry.Term > _log.Ballot.Term)
                {
                    SetBallot(entry.Term, []);
                }

                AppendReplicated(entry.Index, entry.Term, entry.Kind, entry.Payload);
            }

            _quorumIndex = Math.Max(_quorumIndex, entries[^1].Index);
        }

        await _log.WhenDurableAsync().ConfigureAwait(false);
        AdvanceCommit();
    }

    /// <summary>True while a configuration in the log waits for its commit, or a committed one is not in the member storage yet.</summary>
    public bool HasOpenConfiguration
    {
        get
        {
            lock (_gate)
            {
                return _configurations.Count > 0 || !_savingConfiguration.IsCompleted;
            }
        }
    }

    /// <summary>Completes when every configuration that has been handed to the member storage is saved.</summary>
    public Task ConfigurationsSaved
    {
        get
        {
            lock (_gate)
            {
                return _savingConfiguration;
            }
        }
    }

    /// <summary>
    /// Saves the configurations of the log that are certainly committed before any commit index arrives: all but the last one. The same rule as
    /// <see cref="SaveConfigurationsBefore"/>, for a replica that stopped after its log held a configuration and before the member storage held the previous one. Without
    /// it such a replica campaigns with the voters of two changes ago. Called once, before the replica may campaign or vote.
    /// </summary>
    public Task SaveEarlierConfigurationsAsync()
    {
        lock (_gate)
        {
            return _configurations.Count > 1 ? SaveConfigurationsBefore(_configurations.Max) : Task.CompletedTask;
        }
    }

    // ---- term and vote: durable before they are answered ----

    bool IPersistentState.IsVotedFor(in ClusterMemberId id)
    {
        var votedFor = _log.Ballot.VotedFor;
        return votedFor.IsEmpty || votedFor.Span.SequenceEqual(Encode(id));
    }

    async ValueTask<long> IPersistentState.IncrementTermAsync(ClusterMemberId member, CancellationToken token)
    {
        long term;
        lock (_gate)
        {
            term = _standingTerm = _log.Ballot.Term + 1;
            SetBallot(term, Encode(member));
        }

        await _log.WhenDurableAsync().ConfigureAwait(false);
        return term;
    }

    ValueTask IPersistentState.UpdateTermAsync(long term, bool resetLastVote, CancellationToken token)
    {
        lock (_gate)
        {
            var ballot = _log.Ballot;
            Invariant.Holds(term >= ballot.Term, $"The term may not go back from {ballot.Term} to {term}.");
            SetBallot(term, resetLastVote ? [] : ballot.VotedFor.Span);
        }

        return _log.WhenDurableAsync();
    }

    ValueTask IPersistentState.UpdateVotedForAsync(ClusterMemberId member, CancellationToken token)
    {
        lock (_gate)
        {
            SetBallot(_log.Ballot.Term, Encode(member));
        }

        return _log.WhenDurableAsync();
    }

    private void SetBallot(long term, ReadOnlySpan<byte> votedFor)
    {
        if (term != _log.Ballot.Term)
        {
            // A quorum of an older term proves nothing about the entries that a newer leader may write there.
            _quorumIndex = _commitIndex;
        }

        _log.SetBallot(term, votedFor);
        Volatile.Write(ref _term, term);
    }

    private static byte[] Encode(in ClusterMemberId id)
    {
        var bytes = new byte[ClusterMemberId.Size];
        id.Format(bytes);
        return bytes;
    }

    // ---- append ----

    async ValueTask IAuditTrail<IRaftLogEntry>.AppendAsync<TEntry>(
        ILogEntryProducer<TEntry> entries, long startIndex, bool skipCommitted, CancellationToken token)
    {
        var earlierConfigurations = Task.CompletedTask;
        var (term, lastTerm, isWhole, isRefused) = (Term, 0L, false, false);
        try
        {
            for (var index = startIndex; await entries.MoveNextAsync().ConfigureAwait(false); index++)
            {
                var entry = entries.Current;

                // The payload is read even when the entry is skipped: it is part of the stream.
                var payload = await PayloadReader.ReadAsync(entry, token).ConfigureAwait(false);
                lock (_gate)
                {
                    ThrowIfOver(term);
                    ThrowIfNot(entry.Term >= lastTerm && entry.Term <= term, index, entry.Term, lastTerm, term);
                    lastTerm = entry.Term;
                    var kind = KindOf(entry, payload);
                    isRefused = true;
                    ThrowIfOutOfRoom(index, kind, payload);
                    isRefused = false;
                    AppendReplicated(index, entry.Term, kind, payload);
                    if (kind == LogEntryKind.Configuration)
                    {
                        earlierConfigurations = SaveConfigurationsBefore(index);
                    }
                }
            }

            isWhole = true;
        }
        finally
        {
            // An entry refused because the disk is full would be refused from another replica too.
            if (!isWhole && !isRefused)
            {
                CutShort?.Invoke();
            }
        }

        await earlierConfigurations.ConfigureAwait(false);
        // Entries that were already there may still be in transit to the disk from an interrupted attempt.
        await _log.WhenDurableAsync().ConfigureAwait(false);
    }

    ValueTask IAuditTrail<IRaftLogEntry>.AppendAsync<TEntry>(TEntry entry, long startIndex, CancellationToken token) =>
        throw new NotSupportedException(
            entry.IsSnapshot
                ? "A snapshot arrived through Raft; no log of this cluster sends one."
                : "DotNext does not place single entries at an index.");

    async ValueTask<long> IAuditTrail<IRaftLogEntry>.AppendAsync<TEntry>(TEntry entry, CancellationToken token)
    {
        if (entry is ProposedEntry proposed)
        {
            lock (_gate)
            {
                return proposed.Index = AppendLocal(proposed.Term, LogEntryKind.Command, proposed.Payload);
            }
        }

        var payload = await PayloadReader.ReadAsync(entry, token).ConfigureAwait(false);
        lock (_gate)
        {
            return AppendLocal(entry.Term, KindOf(entry, payload), payload);
        }
    }

    /// <summary>
    /// Entries of a later term may be pulled during a leader's request that began in an earlier term; the rest of that request must not be appended behind them.
    /// </summary>
    /// <exception cref="IOException">Another term has begun.</exception>
    private void ThrowIfOver(long term)
    {
        if (_log.Ballot.Term != term)
        {
            throw new IOException($"Term {_log.Ballot.Term} began while entries of a leader of term {term} arrived.");
        }
    }

    /// <exception cref="LogOutOfRoomException">The disk is full; nothing was appended.</exception>
    private void ThrowIfOutOfRoom(long index, LogEntryKind kind, ReadOnlyMemory<byte> payload)
    {
        if (kind == LogEntryKind.Command && index > _log.LastIndex && !HasRoomFor(payload.Length))
        {
            throw new LogOutOfRoomException();
        }
    }

    /// <summary>A leader has entries of its own term and of earlier ones, in order; a log with an entry of a later term would win elections that it must lose.</summary>
    /// <exception cref="IOException">The entry cannot come from a leader of this term.</exception>
    private static void ThrowIfNot(bool isInOrder, long index, long entryTerm, long before, long term)
    {
        if (!isInOrder)
        {
            throw new IOException($"Entry {index} of term {entryTerm} arrived after one of term {before} from a leader of term {term}.");
        }
    }

    private static LogEntryKind KindOf<TEntry>(TEntry entry, ReadOnlyMemory<byte> payload)
        where TEntry : IRaftLogEntry =>
        entry.IsConfiguration ? LogEntryKind.Configuration : payload.IsEmpty ? LogEntryKind.NoOp : LogEntryKind.Command;

    private void AppendReplicated(long index, long term, LogEntryKind kind, ReadOnlyMemory<byte> payload)
    {
        if (index <= _log.Start.Index)
        {
            return;
        }

        if (index <= _log.LastIndex)
        {
            if (_log.TermAt(index) == term)
            {
                return;
            }

#if PLANTED_BUGS
            if (Storage.PlantedBug.Is("conflict-kept")) { return; }
#endif

            if (index <= _commitIndex)
            {
                var message = $"Entry {index} is committed here in term {_log.TermAt(index)} and may not be replaced by one of term {term}.";
                Conflicted?.Invoke(message);
                throw new InvariantException(message);
            }

            _log.TruncateFrom(index);
            _quorumIndex = Math.Min(_quorumIndex, Math.Max(_commitIndex, index - 1));
            Volatile.Write(ref _replayedUpTo, Math.Min(_replayedUpTo, index - 1));
            _configurations.RemoveWhere(configuration => configuration >= index);
        }

        Invariant.Holds(index == _log.LastIndex + 1, $"Entry {index} does not follow {_log.LastIndex}.");
        Append(term, kind, payload);
    }

    /// <summary>
    /// Appends a leader's own entry. The proposer may have been superseded by an election, so the decision is made here, under the
    /// same lock that changes the term:
    /// <list type="bullet">
    /// <item>An entry of an older term would follow newer ones and make this log look older than it is. A candidate
    /// without our newest entries could then win our vote.</item>
    /// <item>An entry of a term that another replica leads is worse: it takes the place of that leader's own entry with the same index
    /// and term, and by Raft's log matching no replica would ever detect it. DotNext's term already is the successor's while a
    /// deposed leader's proposals still run, so a proposal's term does not prove which replica leads that term.</item>
    /// </list>
    /// So entries are accepted only in a term in which this process campaigned and won. The first, empty entry of a term is DotNext's signal that the term was won.
    /// </summary>
    private long AppendLocal(long term, LogEntryKind kind, ReadOnlyMemory<byte> payload)
    {
        if (kind == LogEntryKind.NoOp && term == _standingTerm && term == _log.Ballot.Term)
        {
            Volatile.Write(ref _leadingTerm, term);
        }

#if PLANTED_BUGS
        if (Storage.PlantedBug.Is("deposed-appends")) { return term == _log.Ballot.Term && term >= _log.LastTerm ? Append(term, kind, payload) : throw new NotLeaderException(); }
#endif
        return term == _leadingTerm && term == _log.Ballot.Term && term >= _log.LastTerm
            ? Append(term, kind, payload)
            : throw new NotLeaderException();
    }

    private long Append(long term, LogEntryKind kind, ReadOnlyMemory<byte> payload)
    {
        var index = _log.Append(term, kind, payload);
#if PLANTED_BUGS
        if (Storage.PlantedBug.Is("commit-without-quorum")) { if (term == _leadingTerm && kind == LogEntryKind.Command) { _quorumIndex = index; } }
#endif
        if (kind == LogEntryKind.Configuration)
        {
            _configurations.Add(index);
        }

        return index;
    }

    // ---- commit and apply ----

    ValueTask<long> IAuditTrail.CommitAsync(long endIndex, CancellationToken token)
    {
        lock (_gate)
        {
            _quorumIndex = Math.Max(_quorumIndex, Math.Min(endIndex, _log.LastIndex));
        }

        return new(AdvanceCommit());
    }

    ValueTask IAuditTrail.WaitForApplyAsync(long index, CancellationToken token) => _progress.WaitAsync(index, token);

    ValueTask IAuditTrail.WaitForApplyAsync(CancellationToken token) => _progress.WaitForNextAsync(token);

    private void OnDurable(long durableIndex) => AdvanceCommit();

    private long AdvanceCommit()
    {
        long advanced;
        lock (_gate)
        {
            var next = Math.Min(_quorumIndex, _log.DurableIndex);
            advanced = next - _commitIndex;
            if (advanced <= 0)
            {
                return 0;
            }

            CommitWitness?.Invoke(next);
            Volatile.Write(ref _commitIndex, next);
            SaveConfigurations(next);
        }

        Committed?.Invoke();
        return advanced;
    }

    /// <summary>
    /// Configurations take effect as soon as they are committed, before any data that is still to be applied: a follower that
    /// campaigned with a member list two changes old could win with a majority that is no longer one.
    /// </summary>
    private void SaveConfigurations(long committed)
    {
        while (_configurations.Count > 0 && _configurations.Min is var index && index <= committed)
        {
            _configurations.Remove(index);
            var entry = _log.Read(index, index)[0];
            _savingConfiguration = SaveAfterAsync(_savingConfiguration, entry);
            _progress.HoldAt(index, _savingConfiguration);
        }
    }

    /// <summary>
    /// A leader appends a configuration only after an entry of its own term, behind all earlier configurations, was committed. So those are
    /// committed, even if the commit index did not arrive here. They are saved before the new one is acknowledged. Otherwise a replica that helped to commit a
    /// configuration and then campaigned with a list two changes older, after a crash or without a message from the leader,
    /// could win with a majority that does not intersect the new one.
    /// </summary>
    private Task SaveConfigurationsBefore(long index)
    {
        SaveConfigurations(index - 1);
        return _savingConfiguration;
    }

    private async Task SaveAfterAsync(Task previous, LogEntry entry)
    {
        // Not under the gate: the storage calls back into DotNext.
        await Task.Yield();
        await previous.ConfigureAwait(false);
        Invariant.Holds(ConfigurationStorage is not null, "DotNext sets the member storage before it commits anything.");
        while (true)
        {
            try
            {
                await ConfigurationStorage.SaveConfigurationAsync(new LogEntryView(entry), entry.Index, CancellationToken.None).ConfigureAwait(false);
                break;
            }
            catch (IOException full) when (FullDisk.Is(full) && !_isDetached)
            {
                // A full disk does not stop a replica. No index from this configuration on counts as applied until the configuration is saved.
                await Task.Delay(RoomRetryPeriod).ConfigureAwait(false);
            }
        }

        LogMessages.ConfigurationSaved(_logger, _log.Key.Group.Value, entry.Index);
    }

    private void FindConfigurations(long from)
    {
        // As many as fit into a few MiB: this runs once per group at start.
        const int Chunk = 1024;
        for (var index = Math.Max(from, _log.Start.Index + 1); index <= _log.LastIndex; index += Chunk)
        {
            foreach (var entry in _log.Read(index, Math.Min(_log.LastIndex, index + Chunk - 1)))
            {
                if (entry.Kind == LogEntryKind.Configuration)
                {
                    _configurations.Add(entry.Index);
                }
            }
        }
    }

    // ---- read ----

    ValueTask<TResult> IAuditTrail<IRaftLogEntry>.ReadAsync<TResult>(
        ILogEntryConsumer<IRaftLogEntry, TResult> reader, long startIndex, long endIndex, CancellationToken token) =>
        ReadEntriesAsync(reader, startIndex, endIndex, token);

    ValueTask<TResult> IAuditTrail.ReadAsync<TResult>(
        ILogEntryConsumer<ILogEntry, TResult> reader, long startIndex, long endIndex, CancellationToken token) =>
        ReadEntriesAsync(reader, startIndex, endIndex, token);

    private ValueTask<TResult> ReadEntriesAsync<TResult>(
        ILogEntryConsumer<IRaftLogEntry, TResult> reader, long startIndex, long endIndex, CancellationToken token)
    {
        if (startIndex > endIndex)
        {
            return reader.ReadAsync<LogEntryView, LogEntryList>(LogEntryList.Empty, null, token);
        }

        IReadOnlyList<LogEntry> entries;
        var start = _log.Start;
        if (startIndex <= start.Index)
        {
            if (!reader.LogEntryMetadataOnly)
            {
                return ValueTask.FromException<TResult>(_belowStart);
            }

            // Only the term is requested. At the log start the term is stored; below it the answer is "unknown", which equals no leader's term.
            if (startIndex < start.Index)
            {
                AskedBelowStart?.Invoke();
            }

            var term = startIndex == start.Index ? start.Term : -1;
            entries = [new LogEntry(startIndex, term, LogEntryKind.NoOp, default)];
        }
        else
        {
            try
            {
                entries = ReplicationAnswer.IsOf<TResult>() ? _log.ReadSome(startIndex, endIndex, RunBytesWanted) : _log.Read(startIndex, endIndex);
                if (entries[^1].Index < endIndex)
                {
                    return SendInRunsAsync(reader, entries, endIndex, token);
                }
            }
            catch (ArgumentOutOfRangeException) when (startIndex <= _log.Start.Index)
            {
                // The log truncated these entries since the check: answer as if they had been truncated before.
                return ReadEntriesAsync(reader, startIndex, endIndex, token);
            }
        }

        return reader.ReadAsync<LogEntryView, LogEntryList>(new LogEntryList(entries), null, token);
    }

    /// <summary>
    /// Sends a follower the entries that it lacks, run after run, until it has all of them or the time for one round is over. DotNext continues behind the last entry that was sent, and a
    /// follower commits no further than the entries it received. But DotNext puts the term before the first run into each request of the round, so a run that does not follow an
    /// entry of that term waits for the next round.
    /// </summary>
    private async ValueTask<TResult> SendInRunsAsync<TResult>(
        ILogEntryConsumer<IRaftLogEntry, TResult> reader, IReadOnlyList<LogEntry> run, long endIndex, CancellationToken token)
    {
        var begun = Time.GetTimestamp();
        var term = Term;
        var precedingTerm = _log.TryPositionAt(run[0].Index - 1)?.Term;
        while (true)
        {
            var last = run[^1];
            var answer = await reader.ReadAsync<LogEntryView, LogEntryList>(new LogEntryList(run), null, token).ConfigureAwait(false);
#if PLANTED_BUGS
            if (Storage.PlantedBug.Is("commits-median")) { MoreToSend?.Invoke(); return answer; }
#endif
            if (last.Index == endIndex || !ReplicationAnswer.IsTaken(answer))
            {
                return answer;
            }

            if (last.Term != precedingTerm || Time.GetElapsedTime(begun) >= RunsLast || TryReadRun(last.Index + 1, endIndex) is not { } next || Term != term)
            {
                // Entries read after another term began are not sent either: they may be a successor's.
                MoreToSend?.Invoke();
                return ReplicationAnswer.Counted(answer, last.Index, endIndex);
            }

            run = next;
        }
    }

    /// <summary>Null: the log truncated the first of them meanwhile.</summary>
    private IReadOnlyList<LogEntry>? TryReadRun(long from, long to)
    {
        try
        {
            return _log.ReadSome(from, to, RunBytesWanted);
        }
        catch (ArgumentOutOfRangeException) when (from <= _log.Start.Index)
        {
            return null;
        }
    }
}
