using DotNext.IO.Log;
using DotNext.Net.Cluster;
using DotNext.Net.Cluster.Consensus.Raft;
using DotNext.Net.Cluster.Consensus.Raft.StateMachine;
using KvRaft.Raft.Log;
using KvRaft.Storage;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;

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
/// <b>What it never does.</b> It never returns a snapshot (<see cref="EntryReader"/>). And DotNext never counts an answer to a part of a round (<see cref="ReplicationAnswer"/>).
/// </para>
/// <para>
/// <b>Contents.</b> The parts that share one gate are chapters of this class; the parts that have a state or a rule of their own are classes:
/// <list type="table">
/// <item><term><c>GroupAuditTrail.cs</c></term><description>what the group sees: indices, terms, events, and the reset of the log at a checkpoint</description></item>
/// <item><term><c>GroupAuditTrail.Voting.cs</c></term><description>term and vote, durable before they are answered</description></item>
/// <item><term><c>GroupAuditTrail.Appending.cs</c></term><description>entries of a leader, of this process as leader, and of another log</description></item>
/// <item><term><c>GroupAuditTrail.Committing.cs</c></term><description>what the quorum acknowledged, the commit, and waiting for its apply</description></item>
/// <item><term><see cref="CommitIndexes"/></term><description>the commit rule</description></item>
/// <item><term><see cref="OwnTerms"/></term><description>the terms that this process campaigned for and won</description></item>
/// <item><term><see cref="PendingConfigurations"/></term><description>configurations on their way to the member storage</description></item>
/// <item><term><see cref="EntryReader"/></term><description>reading: runs of entries for the followers</description></item>
/// <item><term><see cref="ReplicationRules"/></term><description>the decisions on which safety depends</description></item>
/// </list>
/// </para>
/// <para>Thread-safe. Fields are guarded by <c>_gate</c> unless their comment states otherwise.</para>
/// </summary>
internal sealed partial class GroupAuditTrail : WriteAheadLog, IPersistentState, IAuditTrail<IRaftLogEntry>, IAuditTrail
{
    private readonly Lock _gate = new();
    private readonly GroupLog _log;
    private readonly ApplyProgress _progress;
    private readonly OwnTerms _terms = new();
    private readonly CommitIndexes _indexes;
    private readonly PendingConfigurations _configurations;

    /// <summary>Not guarded: it needs no gate.</summary>
    private readonly EntryReader _reader;

    /// <summary>The end of the log at the start, or an earlier index after a part of that log was found not to be committed. Never rises. Read without the gate.</summary>
    private long _replayedUpTo;

    /// <summary>Copy of the ballot's term, read without the gate.</summary>
    private long _term;

    public GroupAuditTrail(GroupLog log, LogPosition applied, ApplyProgress progress, string shellDirectory, ILogger logger)
        : base(new Options { Location = shellDirectory, ChunkSize = 4096 }, IStateMachine.CreateNoOp())
    {
        _log = log;
        _progress = progress;
        _term = log.Ballot.Term;
        _indexes = new CommitIndexes(applied.Index);
        _replayedUpTo = log.LastIndex;
        _reader = new EntryReader(log, () => Term);
        _configurations = new PendingConfigurations(log, progress, () => ConfigurationStorage, logger);
        _configurations.Find(applied.Index + 1);
        _log.DurableAdvanced += OnDurable;
        Plant();
    }

    /// <summary>Raised, outside the gate, each time the commit index rose. Must be quick: it may run on the log's writer thread.</summary>
    public event Action? Committed;

    /// <summary>Raised, outside the gate, after a configuration was saved. Must be quick.</summary>
    public event Action? ConfigurationSaved
    {
        add => _configurations.Changed += value;
        remove => _configurations.Changed -= value;
    }

    /// <summary>Raised, outside the gate, if a configuration cannot be saved: the replica must stop.</summary>
    public event Action<Exception>? ConfigurationFailed
    {
        add => _configurations.Failed += value;
        remove => _configurations.Failed -= value;
    }

    /// <summary>
    /// Raised when a peer requested an entry below our log start: the peer that leads is too far behind for this replica to follow, and
    /// must receive our position.
    /// </summary>
    public event Action? AskedBelowStart
    {
        add => _reader.AskedBelowStart += value;
        remove => _reader.AskedBelowStart -= value;
    }

    /// <summary>
    /// Raised when a leader's entries ended before the last of them was read. The leader will send them again, from the same index on. If they are more
    /// than can be sent before a request times out, it repeats this for ever.
    /// </summary>
    public event Action? CutShort;

    /// <summary>Raised, inside the gate, when a leader sends an entry that differs from the one committed here. Must be quick.</summary>
    public event Action<string>? Conflicted;

    /// <summary>Raised when a round ended for a follower before the follower had all entries. Must be quick.</summary>
    public event Action? MoreToSend
    {
        add => _reader.MoreToSend += value;
        remove => _reader.MoreToSend -= value;
    }

    /// <summary>
    /// A run of entries is closed at this size, some 10 ms of a disk and well within a request's time; the next run is sent after the answer. DotNext requests
    /// all entries that a follower lacks. In one request they were all read into memory, and a large request never arrived in time.
    /// </summary>
    public int RunBytesWanted
    {
        get => _reader.RunBytesWanted;
        init => _reader.RunBytesWanted = value;
    }

    /// <summary>
    /// For this long, in one round, run after run is sent to a follower. A follower that keeps up has everything well within it (the proposals of a group in progress are at most
    /// some MiB), so its answer counts. A follower that is far behind delays a round by at most this time plus one request.
    /// </summary>
    public TimeSpan RunsLast
    {
        get => _reader.RunsLast;
        init => _reader.RunsLast = value;
    }

    public TimeProvider Time
    {
        get => _reader.Time;
        init => _reader.Time = value;
    }

    /// <summary>
    /// Returns whether entries of this many bytes may be appended, which need disk space. Called only for commands: terms, votes and configurations are small, and a group that
    /// could not store them could neither elect a leader nor be repaired.
    /// </summary>
    public Func<int, bool> HasRoomFor { get; init; } = static _ => true;

    /// <summary>Called with each commit before the commit is visible; a test build verifies there that a majority holds the entry.</summary>
    public Action<long>? CommitWitness { get; init; }

    public long CommitIndex => _indexes.Committed;

    /// <summary>
    /// The last index that may be applied: no committed configuration up to it is missing in the member storage. A state beyond such a configuration could be flushed, copied to another
    /// replica, or let the log forget the configuration, and the list would stay that of earlier voters.
    /// </summary>
    public long ApplicableIndex => Math.Min(CommitIndex, _configurations.SavedUpTo);

    public long Term => Volatile.Read(ref _term);

    /// <summary>
    /// The last term that this process won; 0 before it ever won. When a leader receives its successor's term, <see cref="Term"/> is the successor's term until
    /// that term is on disk, and only then the leader steps down. So code that acts for a leader uses this term, never <see cref="Term"/>.
    /// </summary>
    public long LeadingTerm => _terms.Leading;

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

    /// <summary>True while a configuration in the log waits for its commit, or a committed one is not in the member storage yet.</summary>
    public bool HasOpenConfiguration
    {
        get
        {
            lock (_gate)
            {
                return _configurations.AreOpen;
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
                return _configurations.Saved;
            }
        }
    }

    /// <summary>
    /// Saves the configurations of the log that are certainly committed before any commit index arrives: all but the last one. The same rule as
    /// <see cref="PendingConfigurations.SaveBefore"/>, for a replica that stopped after its log held a configuration and before the member storage held the previous one. Without
    /// it such a replica campaigns with the voters of two changes ago. Called once, before the replica may campaign or vote.
    /// </summary>
    public Task SaveEarlierConfigurationsAsync()
    {
        lock (_gate)
        {
            return _configurations.SaveEarlier();
        }
    }

    public void Detach()
    {
        _configurations.Detach();
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
            Invariant.Holds(_log.LastIndex >= CommitIndex, $"A checkpoint at {position} must not lower commit index {CommitIndex}.");
            _indexes.OnReset(position.Index, _log.LastIndex);
            Volatile.Write(ref _replayedUpTo, Math.Min(_replayedUpTo, _log.LastIndex));
            _configurations.OnReset(position.Index, _log.LastIndex);
        }
    }

    ValueTask<TResult> IAuditTrail<IRaftLogEntry>.ReadAsync<TResult>(
        ILogEntryConsumer<IRaftLogEntry, TResult> reader, long startIndex, long endIndex, CancellationToken token) =>
        _reader.ReadEntriesAsync(reader, startIndex, endIndex, token);

    ValueTask<TResult> IAuditTrail.ReadAsync<TResult>(
        ILogEntryConsumer<ILogEntry, TResult> reader, long startIndex, long endIndex, CancellationToken token) =>
        _reader.ReadEntriesAsync(reader, startIndex, endIndex, token);

    /// <summary>Has no body, and so no call, except in a build with planted bugs.</summary>
    partial void Plant();
}
