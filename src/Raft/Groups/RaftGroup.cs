using System.Diagnostics;
using System.Net;
using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Background;
using KvRaft.Raft.Catchup;
using KvRaft.Raft.Consensus;
using KvRaft.Raft.Digests;
using KvRaft.Raft.Leadership;
using KvRaft.Raft.Log;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Options;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Proposals;
using KvRaft.Raft.Reads;
using KvRaft.Raft.Telemetry;
using KvRaft.Raft.Transport;
using KvRaft.Storage;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Groups;

/// <summary>
/// This node's replica of one Raft group: propose commands, ask for read barriers, watch leadership.
/// <para>
/// Election, replication and quorum are DotNext's <see cref="RaftCluster"/>. Around it stand our parts, in the order in which a write
/// meets them: <c>ProposalQueue</c> (many commands, one entry), <c>GroupAuditTrail</c> (the group's part of the node log; nothing is
/// answered before it is fsynced), <c>Applier</c> (committed entries into the state machine, whose outcomes return through the
/// waiting proposals), <c>ReadBarrier</c> (linearizable reads without a write), and <c>Catchup/</c> (checkpoints, out of band, for a
/// replica the log can no longer help, or one that is to join). <c>GroupMembership</c> changes who votes. In <c>Leadership/</c> leadership is handed
/// over by name, a leader that is gone or silent is succeeded, and a group without news is kept quiet; DotNext's own timers are the last resort.
/// </para>
/// <para>
/// It relies on: the node log's promise that what it calls durable is on disk; the state machine being deterministic; peers
/// that are named, not addressed. It does not do: deciding about moves, routing, retries.
/// </para>
/// <para>Thread-safe.</para>
/// </summary>
public sealed partial class RaftGroup : IAsyncDisposable
{
    private readonly RaftHost _host;
    private readonly ReplicaKey _key;
    private readonly GroupLog _log;
    private readonly IReplicatedStateMachine _machine;
    private readonly ApplyProgress _progress;
    private readonly GroupAuditTrail _audit;
    private readonly MemberStorage _members;
    private readonly RaftCluster _cluster;
    private readonly Applier _applier;
    private readonly ProposalLedger _proposals;
    private readonly ProposalQueue _queue;
    private readonly ReadBarrier _barrier;
    private readonly FollowerBarrier _followerBarrier;
    private readonly GroupPulse _pulse;
    private readonly ShardClockRunner _clock;
    private readonly ClockHandOver _clockHandOver;
    private readonly EntryPull _pull;
    private readonly EntryLease _lease;
    private readonly DigestPoint _digests;
    private volatile string? _digestNote;
    private bool _differs;
    private readonly ReplicaRescue _rescue;
    private readonly PeerSurvey _survey;
    private readonly GroupMembership _membership;
    private readonly LearnerFeed _feed;
    private readonly CheckpointFetcher _fetcher;
    private readonly IReadOnlyList<GroupVoter> _firstVoters;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private Task _rebuilding = Task.CompletedTask;
    private Task _learning = Task.CompletedTask;
    private readonly Lock _failing = new();
    private Task _handingOver = Task.CompletedTask;

    /// <summary>Of housekeeping alone: what was applied when it last looked, since when, and whether the replica was put to rest since.</summary>
    private long _appliedAtLook = -1;

    private long _appliedAt;
    private bool _hasRested;
    private Task _resting = Task.CompletedTask;
    private volatile ReplicaFault? _fault;
    private int _beats;
    private long _behindAt;
    private volatile ReplicaState _state = ReplicaState.Running;
    private volatile KnownVoters? _voterNodes;

    /// <summary>Why it rebuilds itself, without what it waits for at the moment.</summary>
    private string? _reason;

    /// <summary>What readers of this replica may have seen before its state was replaced: it serves from there on.</summary>
    private long _servesFrom;

    private RaftGroup(RaftHost host, GroupSpec spec, GroupLog log, IReplicatedStateMachine machine, ReplicaFault? fault, string directory)
    {
        _fault = fault;
        _servesFrom = spec.AppliedBefore;
        _host = host;
        _key = new ReplicaKey(spec.Group, spec.Incarnation);
        _log = log;
        _machine = machine;
        _logger = host.Loggers.CreateLogger($"KvRaft.Raft.Group{spec.Group.Value}");
        Background = new BackgroundTasks(OnBackgroundFault);
        _progress = new ApplyProgress(machine.Applied.Index);
        _machine.Faulted += OnMachineFaulted;
        _members = new MemberStorage(Path.Combine(directory, "members"));


        // Where the state was lost, everything up to the log's start is committed all the same: the start only ever moves to what was applied.
        var committed = fault is { Loss: ReplicaLoss.State } && log.Start.Index > machine.Applied.Index ? log.Start : machine.Applied;
        _audit = new GroupAuditTrail(log, committed, _progress, Path.Combine(directory, "shell"), _logger)
        {
            HasRoomFor = bytes => host.Options.MayGrow() && host.Log.HasRoomFor(bytes),
            CommitWitness = host.Options.CommitWitness is { } witness ? index => witness(this, index) : null,
            RunsLast = host.Options.Timings.RequestTimeout / 2,
            Time = host.Options.Time,
        };
        Identity = ReplicaEndPoint.Create(host.Options.NodeId, _key);
        Terms = new TermGate(Id.Value, () => _audit.Term, host.Options.Time, _logger);
        _cluster = new RaftCluster(Configure(host, _members, Identity, host.Listener.Register(_key, Identity, Terms), Terms)) { AuditTrail = _audit };
        _proposals = new ProposalLedger(Guid.NewGuid(), () => Leader);
        _clock = new ShardClockRunner(host.Clock, () => machine.ClockMs);
        _queue = new ProposalQueue(_cluster, _proposals, host.Options.Limits, PauseAfter, host.Clock, _clock, Background, host.Options.Time, _logger);
        _digests = new DigestPoint(host.Digests);
        _applier = new Applier(
            log, machine, _progress, () => _audit.CommitIndex, _proposals.IsWaitedFor, OnApplied, Fail, isHeld: fault is { Loss: ReplicaLoss.State }, _digests, _logger);
        _barrier = new ReadBarrier(_cluster, new TermQuorum(_cluster, host.WitnessAt), _audit, index => log.TryPositionAt(index)?.Term, _progress, host.Options.Timings.BarrierTimeout);
        _followerBarrier = new FollowerBarrier(this, host.Dialer);
        Checkpoints = new CheckpointShelf(Path.Combine(directory, "checkpoints"), SaveCheckpointAsync, LoadMembersAsync, host.Options.Time, _logger);
        _firstVoters = spec.Voters;
        _survey = new PeerSurvey(spec.Group, host.Dialer, host.Options);
        _membership = new GroupMembership(_cluster, _members, _audit, _barrier, host.Options.Timings.RequestTimeout, host.Options.Time);
        Transfer = new LeadershipTransfer(this, _cluster, _queue, _survey, host.Options.Timings, host.Options.Time, _logger);
        _fetcher = new CheckpointFetcher(
            host.Dialer, Path.Combine(directory, "incoming"), host.Copies, host.Options.Time, _logger);
        _pull = new EntryPull(this, host.Dialer);
        Leases = new EntryLeases(host.Options.Time);
        _lease = new EntryLease(this, _survey, _fetcher, host.Options.Time);
        _rescue = new ReplicaRescue(this, _survey, _pull, _lease, host.Dialer, _fetcher, host.Options, _logger);
        Comparison = new DigestComparison(this, _survey, host.Options, _logger);
        _feed = new LearnerFeed(this, spec.LearnerPace, _survey, _pull, _lease, _fetcher, host.Options, _logger);
        _audit.Committed += _applier.Wake;
        _audit.AskedBelowStart += _rescue.Hurry;
        _audit.CutShort += _rescue.Hurry;
        _audit.Conflicted += OnHistoryDiffers;
        Terms.Doubted += _rescue.Doubt;
        Search = new LeaderSearch(this, Transfer, host.Watch, _survey, host.Options.Timings, host.Options.Time, _logger);
        Leaders = new LeaderWatch(this, _cluster, _audit, host.Watch, _survey, host.Options, _logger, () => LeadershipChanged?.Invoke());
        _pulse = new GroupPulse(this, _cluster, host.Watch, host.Options);
        _clockHandOver = new ClockHandOver(this, host.Clock, host.Watch, host.Options.NodeId, host.Options.Time, _logger);
        _audit.MoreToSend += _pulse.SendMore;
        if (Id.IsPlacement)
        {
            _audit.Committed += _pulse.TellAtOnce;
        }

        _cluster.LeaderChanged += OnLeaderChanged;
    }

    /// <summary>Raised after this replica won, confirmed or lost leadership, or learned of another leader. Must be quick.</summary>
    public event Action? LeadershipChanged;

    /// <summary>Raised after this replica failed, or after its fault turned out to be another: <see cref="Fault"/>. Must be quick.</summary>
    public event Action? Failed;

    /// <summary>Why it does not serve; null while it does.</summary>
    public ReplicaFault? Fault => _fault;

    /// <summary>Why it failed and waits to be closed; null while it runs or rebuilds itself.</summary>
    public ReplicaFault? Failure => _state == ReplicaState.Failed ? _fault : null;

    public GroupId Id => _key.Group;

    public int Incarnation => _key.Incarnation;

    /// <summary>True while this replica leads and its term's first entry is committed, as far as it knows: it has heard of no later term.</summary>
    public bool IsLeader => _state == ReplicaState.Running && !_cluster.LeadershipToken.IsCancellationRequested && _audit.LeadingTerm == Term;

    /// <summary>It serves: it is neither closed, failed, nor being rebuilt or caught up from a checkpoint, and has applied what its readers have seen.</summary>
    public bool IsRunning => _state == ReplicaState.Running && HasCaughtUp;

    /// <summary>
    /// It votes, acknowledges and confirms: everything it ever promised is in its log. Its state may be missing, which is nobody's business but its readers'.
    /// </summary>
    private bool TakesPart => _state == ReplicaState.Running || (_state == ReplicaState.Rebuilding && _fault is { Loss: ReplicaLoss.State });

    /// <summary>It has its log and its state, so it may lead, and others may copy it.</summary>
    private bool IsWhole => _state is ReplicaState.Running or ReplicaState.CatchingUp;

    private bool HasCaughtUp => _machine.Applied.Index >= Volatile.Read(ref _servesFrom);

    /// <summary>
    /// True once this replica has applied again whatever it may have applied before its process was started. The engine holds what was flushed; how far it was applied beyond that,
    /// no record says exactly, because nothing is written when an entry is committed or applied. But an entry is applied only when it is on this replica's own
    /// disk, so the last entry of the log at the start is an upper bound; see <see cref="GroupAuditTrail.ReplayedUpTo"/>. Once true, it stays so.
    /// </summary>
    public bool IsReplayed => _machine.Applied.Index >= _audit.ReplayedUpTo;

    /// <summary>Who leads, as far as this replica knows; null when it has heard of nobody, that node gives no sign of life, or it said that it leads no more.</summary>
    public NodeId? Leader => Leaders.Leader;

    /// <summary>Is this replica a voter, as far as it knows? A learner is none yet, and a replica that was removed may not have heard of it.</summary>
    public bool IsMember => _membership.IsMember;

    public long Term => _audit.Term;

    /// <inheritdoc cref="GroupAuditTrail.LeadingTerm"/>
    internal long LeadingTerm => _audit.LeadingTerm;

    /// <summary>
    /// The clock of the state machine now, Unix milliseconds, carried on since the last entry: on the leader what the next entry would be stamped with, elsewhere a lower
    /// bound of that.
    /// </summary>
    public long ClockMs => _clock.NowMs(IsLeader ? Term : null);

    /// <summary>The state machine this replica drives. Its own reads may be called from any thread.</summary>
    public IReplicatedStateMachine Machine => _machine;

    internal EndPoint Identity { get; }

    /// <summary>Which terms of other nodes are believed.</summary>
    internal TermGate Terms { get; }

    internal CheckpointShelf Checkpoints { get; }

    internal DigestComparison Comparison { get; }

    /// <summary>The nodes that catch up with this group.</summary>
    internal EntryLeases Leases { get; }

    /// <summary>Work of this replica. A fault in it stops the replica.</summary>
    internal BackgroundTasks Background { get; }

    internal GroupLog Log => _log;

    internal RaftCluster Cluster => _cluster;

    internal long CommitIndex => _audit.CommitIndex;

    /// <summary>Its node's disk takes more entries, and not only as many as the current segment of the log has left.</summary>
    internal bool HasRoom => _host.Options.MayGrow() && !_host.Log.IsOutOfRoom;

    internal LeadershipTransfer Transfer { get; }

    internal LeaderSearch Search { get; }

    internal LeaderWatch Leaders { get; }

    /// <summary>
    /// Offers a command to the group and waits until it was applied here. The token ends the waiting, not the command: once it was
    /// proposed, giving up answers <see cref="ProposalStatus.Unknown"/>. Never throws for the group's sake.
    /// </summary>
    public ValueTask<ProposalResult> ProposeAsync(ReadOnlyMemory<byte> command, CancellationToken cancellationToken) =>
        ProposeAsync(command, command.Length, cancellationToken);

    /// <inheritdoc cref="ProposeAsync(ReadOnlyMemory{byte}, CancellationToken)"/>
    /// <param name="command">What to propose.</param>
    /// <param name="weight">
    /// Bytes that applying it changes, if they are more than its own: it takes so much of <see cref="RaftGroupLimits.EntryBytesMax"/>, and one of more gets
    /// an entry to itself. So an entry is not only short but also applied in little memory.
    /// </param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public ValueTask<ProposalResult> ProposeAsync(ReadOnlyMemory<byte> command, int weight, CancellationToken cancellationToken) =>
        _state is ReplicaState.Running
            ? _host.Log.HasRoomFor(command.Length)
                ? _queue.ProposeAsync(command, weight, cancellationToken)
                : new(new ProposalResult(ProposalStatus.NoRoom, null, LogPosition.None, Leader))
            : new(new ProposalResult(ProposalStatus.Stopped, null, LogPosition.None, Leader));

    /// <summary>
    /// When it passes, whatever was acknowledged anywhere before this call is visible in this replica's state machine. One quorum
    /// round serves all callers that waited for it; nothing is written. Followers of group 0, to whom its state is news, hear of it by the same round.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token was cancelled first.</exception>
    public async ValueTask<ReadBarrierResult> ReadBarrierAsync(CancellationToken cancellationToken)
    {
        var status = _state != ReplicaState.Running ? ReadBarrierStatus.NotLeader
            : await (Id.IsPlacement ? _barrier.WaitForHeartbeatAsync(cancellationToken) : _barrier.WaitAsync(cancellationToken)).ConfigureAwait(false);
        return new ReadBarrierResult(status, status == ReadBarrierStatus.Passed ? null : Leader);
    }

    /// <summary>
    /// Brings this replica, leading or not, up to date with the leader: when it answers true, whatever was acknowledged anywhere before
    /// this call is visible in this replica's state machine. False when that could not be had, for whatever reason, before the token.
    /// Callers gather their readers; calls are served one after the other.
    /// </summary>
    public async Task<bool> TryCatchUpWithLeaderAsync(CancellationToken cancellationToken)
    {
        if (_state != ReplicaState.Running)
        {
            return false;
        }

        if (!IsLeader)
        {
            return await _followerBarrier.TryPassAsync(cancellationToken).ConfigureAwait(false);
        }

        try
        {
            return (await ReadBarrierAsync(cancellationToken).ConfigureAwait(false)).Status == ReadBarrierStatus.Passed;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Waits until this replica knows a leader.</summary>
    public Task WaitForLeaderAsync(CancellationToken cancellationToken) =>
        _cluster.WaitForLeaderAsync(Timeout.InfiniteTimeSpan, cancellationToken);

    /// <summary>Waits until everything up to an index was applied here.</summary>
    public ValueTask WaitForApplyAsync(long index, CancellationToken cancellationToken) => _progress.WaitAsync(index, cancellationToken);

    /// <summary>Steps down if this replica leads. Who leads next is up to the next election.</summary>
    public async Task ResignAsync(CancellationToken cancellationToken)
    {
        if (IsLeader)
        {
            await ((DotNext.Net.Cluster.ICluster)_cluster).ResignAsync(cancellationToken).ConfigureAwait(false);
            await Leaders.VacateAsync(isGone: true).WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// On the leader: asks a voter to lead instead. True when this replica no longer leads; the voter does then, unless something came in
    /// between. False: nothing happened, the voter is away or behind.
    /// </summary>
    public Task<bool> TransferLeadershipAsync(GroupVoter to, CancellationToken cancellationToken) => Transfer.ToAsync(to, cancellationToken);

    /// <summary>On the leader: makes a replica that follows closely (a learner) a voter. Never throws for the group's sake.</summary>
    public Task<MembershipChange> AddVoterAsync(GroupVoter voter, CancellationToken cancellationToken) =>
        _membership.ChangeAsync(ReplicaEndPoint.Create(voter.Node, new ReplicaKey(Id, voter.Incarnation)), add: true, cancellationToken);

    /// <summary>On the leader, and never of the leader itself: makes a voter nobody. It is not told. Never throws for the group's sake.</summary>
    public Task<MembershipChange> RemoveVoterAsync(GroupVoter voter, CancellationToken cancellationToken)
    {
        Invariant.Holds(voter.Node != _host.Options.NodeId, "A leader does not remove itself; it hands leadership over first.");
        return _membership.ChangeAsync(ReplicaEndPoint.Create(voter.Node, new ReplicaKey(Id, voter.Incarnation)), add: false, cancellationToken);
    }

    /// <summary>On the leader: true when <see cref="Voters"/> is what counts, now, and no change of it is under way.</summary>
    public Task<bool> IsMembershipSettledAsync(CancellationToken cancellationToken) => _membership.IsSettledAsync(cancellationToken);

    /// <summary>Asks another node's replica how far it is; null if it does not answer.</summary>
    public async Task<ReplicaReport?> AskAsync(GroupVoter voter, CancellationToken cancellationToken) =>
        await _survey.AskAsync(voter, cancellationToken).ConfigureAwait(false) is { } status
            ? new ReplicaReport(status.Incarnation, status.IsMember, status.LastIndex, status.CommitIndex, status.AppliedIndex)
            : null;

    /// <summary>
    /// For a replica that was removed: takes over what the group has committed up to an index, exactly, so that its state can be compared
    /// with another's at that index.
    /// </summary>
    /// <exception cref="IOException">The other node does not answer, or its log does not reach back that far.</exception>
    public async Task CatchUpToAsync(GroupVoter from, long index, CancellationToken cancellationToken)
    {
        await _pull.PullAsync(from.Node, index, cancellationToken).ConfigureAwait(false);
        await _progress.WaitAsync(index, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Makes a checkpoint as a new replica would be given, tells where it stands and how large it is, and drops it: the proof that one can be
    /// had, for operators.
    /// </summary>
    public async Task<(LogPosition Position, long Bytes)> TryCheckpointAsync(CancellationToken cancellationToken)
    {
        var made = await Checkpoints.OfferAsync(cancellationToken).ConfigureAwait(false);
        Checkpoints.Release(made.Id);
        return (new LogPosition(made.Term, made.Index), made.Files.Sum(static file => file.Length));
    }

    /// <summary>
    /// Makes the state durable and lets the log forget what is no longer needed.
    /// </summary>
    /// <param name="keepEntries">Entries below the durable position to keep for followers that lag.</param>
    /// <param name="cancellationToken">Ends the waiting for the state machine's turn.</param>
    public async Task FlushAsync(int keepEntries, CancellationToken cancellationToken)
    {
        await _applier.BetweenAppliesAsync<bool>(
            machine =>
            {
                machine.Flush();
                return true;
            },
            cancellationToken).ConfigureAwait(false);
        ForgetDurable(keepEntries);
    }

    /// <summary>
    /// Moves the log start up to a position, because the log is larger than it may be, and flushes the state for it where it must. What follows stays for
    /// followers that lag: one that is a few entries behind at that moment would otherwise need a whole checkpoint.
    /// </summary>
    internal async Task MakeRoomAsync(LogPosition upTo, CancellationToken cancellationToken)
    {
        if (_machine.Durable.Index < upTo.Index)
        {
            await _applier.BetweenAppliesAsync<bool>(
                machine =>
                {
                    machine.Flush();
                    return true;
                },
                cancellationToken).ConfigureAwait(false);
        }

        MoveStart(upTo.Index);
    }

    /// <summary>
    /// The state of this replica is not to be relied on, for a reason that was found outside it (a digest that differs, a node that was rolled back). It hands
    /// leadership over and fails with <see cref="ReplicaLoss.State"/>; its owner closes it, sets its state aside and opens it again without one.
    /// </summary>
    public void Condemn(string reason) => Fail(new StorageCorruptionException(reason));

    /// <summary>May it be chosen to campaign? One that cannot serve would only have to hand leadership on.</summary>
    internal bool MayLead => IsWhole && HasCaughtUp;

    public GroupStatus Status() => new(
        Id, Incarnation, _state == ReplicaState.Running && !HasCaughtUp ? ReplicaState.CatchingUp : _state, IsLeader, Leader, Term, _log.Start, _log.LastIndex, _log.DurableIndex, _audit.CommitIndex,
        _machine.Applied, _machine.Durable, Voters(), IsMember, _fault?.Message ?? (HasRoom ? _digestNote : "the disk of its node is full"), _fetcher.Progress, IsBehind);

    public async ValueTask DisposeAsync()
    {
        if (_state == ReplicaState.Stopped)
        {
            return;
        }

        await _stopping.CancelAsync().ConfigureAwait(false);
        await _rebuilding.ConfigureAwait(false);
        await _learning.ConfigureAwait(false);
        await _handingOver.ConfigureAwait(false);
        await _resting.ConfigureAwait(false);
        await Leaders.DisposeAsync().ConfigureAwait(false);
        await _rescue.DisposeAsync().ConfigureAwait(false);
        await _lease.DisposeAsync().ConfigureAwait(false);
        await _queue.DisposeAsync().ConfigureAwait(false);
        _followerBarrier.Dispose();
        _cluster.LeaderChanged -= OnLeaderChanged;
        var hasLed = IsLeader;
        await _cluster.StopAsync(CancellationToken.None).ConfigureAwait(false);
        if (hasLed && !_host.IsDoomed)
        {
            // The process may live on for long, and give signs of life.
            await Leaders.VacateAsync(isGone: true).ConfigureAwait(false);
        }

        await _cluster.DisposeAsync().ConfigureAwait(false);
        await _applier.DisposeAsync().ConfigureAwait(false);
        await _digests.DisposeAsync().ConfigureAwait(false);
        _audit.Detach();
        _progress.Fail(new ObjectDisposedException(nameof(RaftGroup), $"Group {Id} is closed on this node."));
        if (_state != ReplicaState.Failed)
        {
            FlushBeforeClosing();
        }

        _state = ReplicaState.Stopped;
        _machine.Faulted -= OnMachineFaulted;
        _machine.Dispose();
        Transfer.Dispose();
        _membership.Dispose();
        _members.Dispose();
        Checkpoints.Dispose();
        await _audit.DisposeAsync().ConfigureAwait(false);
        _stopping.Dispose();
    }

    internal static async Task<RaftGroup> OpenAsync(
        RaftHost host, GroupSpec spec, IReplicatedStateMachine machine, CancellationToken cancellationToken)
    {
        var key = new ReplicaKey(spec.Group, spec.Incarnation);
        var directory = GroupDirectory.Of(host.Options.DataDirectory, key);
        var members = Path.Combine(directory, "members");
        var ranBefore = File.Exists(members);
        var logKnown = host.Log.Contains(key);
        var log = host.Log.OpenGroup(key, isKnownToBeNew: !ranBefore);
        if (!ranBefore)
        {
            // The log's own record first: a member list without a log means a log that was lost.
            Directory.CreateDirectory(directory);
            log.SetBallot(log.Ballot.Term, log.Ballot.VotedFor.Span);
            await log.WhenDurableAsync().ConfigureAwait(false);
            MemberStorage.WriteFirst(members, spec.Group, spec.IsLearner ? [] : spec.Voters, host.Files);
        }

        var fault = ReplicaFault.Judge(log, machine, ranBefore, logKnown);
        if (fault is null && machine.Applied.Index >= log.Start.Index && log.TryPositionAt(machine.Applied.Index) != machine.Applied)
        {
            // It went down after a checkpoint was installed and before the log was told. The log may even reach further, with entries of a deposed leader.
            log.Reset(machine.Applied);
            await log.WhenDurableAsync().ConfigureAwait(false);
        }

        if (fault is { Loss: ReplicaLoss.State } && spec.StateLostBecause is { } why)
        {
            fault = fault with { Message = $"its state was damaged: {why}" };
        }

        var group = new RaftGroup(host, spec, log, machine, fault, directory);
        if (fault is null or { Loss: ReplicaLoss.State })
        {
            group._audit.ConfigurationStorage = group._members;
            await group._audit.SaveEarlierConfigurationsAsync().ConfigureAwait(false);
        }

        if (fault is null)
        {
            await group.StartClusterAsync(cancellationToken).ConfigureAwait(false);
        }
        else if (fault.Loss == ReplicaLoss.State)
        {
            LogMessages.ReplicaStateLost(group._logger, spec.Group.Value, fault.Message, log.Start.Index, log.LastIndex);
            group._state = ReplicaState.Rebuilding;
            await group._cluster.StartAsync(cancellationToken).ConfigureAwait(false);
            group._rebuilding = group.Background.Start("restoring the state", group.RestoreStateAsync);
        }
        else
        {
            LogMessages.ReplicaDamaged(group._logger, spec.Group.Value, fault.Message);
            group._state = ReplicaState.Rebuilding;
            group._rebuilding = group.Background.GuardAsync("rebuilding", group.RebuildAsync);
        }

        return group;
    }

    internal PeerStatus PeerStatus()
    {
        var last = _log.Last;
        return new(
            Incarnation, IsLeader, Term, _log.Start.Term, _log.Start.Index, last.Index, _audit.CommitIndex, _machine.Applied.Index, IsMember, last.Term,
            Leaders.IsVacant ? null : Leader?.Value, MayLead, IsNodeSkewed, HasRoom);
    }

    /// <exception cref="PeerRequestException">The log begins later.</exception>
    /// <exception cref="HistoryDiffersException">The entry before the first one has another term here.</exception>
    internal IReadOnlyList<LogEntry> ReadCommitted(long from, long upTo, long previousTerm)
    {
        const int Chunk = 256;
        var to = Math.Min(Math.Min(upTo, _audit.CommitIndex), from + Chunk - 1);
        try
        {
            if (from > _log.Start.Index && from <= to)
            {
                if (_log.TryPositionAt(from - 1) is { } previous && previous.Term != previousTerm)
                {
                    throw new HistoryDiffersException($"entry {from - 1} has term {previous.Term} here and term {previousTerm} at the replica that asks");
                }

                return _log.ReadSome(from, to, EntriesFrame.BytesWanted);
            }
        }
        catch (ArgumentOutOfRangeException)
        {
            // The log forgot them since we looked.
        }

        throw new PeerRequestException($"the log holds {_log.Start.Index + 1} to {_audit.CommitIndex}, committed, and not {from}");
    }

    internal ValueTask AppendCommittedAsync(IReadOnlyList<LogEntry> entries) => _audit.AppendCommittedAsync(entries);

    /// <exception cref="PeerRequestException">This replica does not lead, or no majority follows it.</exception>
    internal async Task<LeaderProof> ProveLeadershipAsync(CancellationToken cancellationToken)
    {
        // The follower that asks waits until it has applied what the proof names, so it must hear that it is committed.
        var term = Term;
        return _state == ReplicaState.Running
            && await _barrier.WaitForHeartbeatAsync(cancellationToken).ConfigureAwait(false) == ReadBarrierStatus.Passed && Term == term
            ? new LeaderProof(term, _audit.CommitIndex)
            : throw new PeerRequestException($"this replica of group {Id} does not lead");
    }

    /// <exception cref="PeerRequestException">This replica does not lead, no majority follows it, or its members are about to change.</exception>
    internal async Task<MembersProof> ProveMembersAsync(CancellationToken cancellationToken)
    {
        var term = Term;
        return _state == ReplicaState.Running && await _membership.IsSettledAsync(cancellationToken).ConfigureAwait(false) && Term == term
            ? new MembersProof(term, [.. Voters().Select(static voter => new MemberName(voter.Node.Value, voter.Incarnation))])
            : throw new PeerRequestException($"this replica of group {Id} does not lead, or a change of its members is under way");
    }

    /// <summary>This very replica takes part, and has voted in no later term.</summary>
    internal bool IsStillIn(TermQuestion question) => TakesPart && _key == question.Replica && Term <= question.Term;

    /// <summary>Another replica catches up, or has done so.</summary>
    internal void OnLeased(NodeId node, long index, bool isDone)
    {
        if (isDone)
        {
            Leases.Release(node);
        }
        else
        {
            Leases.Hold(node, index);
        }

        // A checkpoint that is still fetched is kept by its readers.
        Checkpoints.ForgetReleased();
    }

    /// <summary>
    /// A proven leader's history is not this replica's: one of them was lost, as after an older copy of a directory was believed. The replica takes no part any
    /// more, keeps everything it has, and says so in its status; which history is right is for people to decide.
    /// </summary>
    internal void OnHistoryDiffers(string reason) =>
        FailSoon(new HistoryDiffersException($"its history differs from the leader's: {reason}"));

    /// <summary>A digest of the state is wanted at an index. False: it is applied already.</summary>
    internal async Task<bool> TryWantDigestAsync(long index, CancellationToken cancellationToken)
    {
        if (_state != ReplicaState.Running)
        {
            throw new PeerRequestException($"the replica of group {Id} does not run");
        }

        // The applier ends a batch at the index from here on; whether it is there already is looked at while it stands.
        return await _applier.BetweenAppliesAsync(
            machine =>
            {
                var isWanted = _digests.TryWant(index, machine.Applied.Index);
                _digests.Reached(machine);
                return isWanted;
            },
            cancellationToken).ConfigureAwait(false);
    }

    internal async ValueTask<DigestAnswer> DigestAsync(long index) => new(await _digests.TryGetAsync(index).ConfigureAwait(false), IsPassed: false);

    /// <summary>A comparison without a majority was shown, and not withdrawn since.</summary>
    internal bool IsDigestNoted => _digestNote is not null;

    /// <summary>What comparing the replicas has shown; null: they are equal.</summary>
    internal void NoteDigests(string? note)
    {
        _digestNote = note;
        Volatile.Write(ref _differs, note is not null);
    }

    /// <summary>The leader has found that the replicas differ: the minority leaves the group, and without a majority it is only shown.</summary>
    /// <exception cref="PeerRequestException">It does not say how they differ.</exception>
    internal void OnDigestDiffers(DigestDiffersRequest request)
    {
        if (_state != ReplicaState.Running)
        {
            return;
        }

        if (request.IsWithdrawn)
        {
            NoteDigests(null);
            return;
        }

        if (string.IsNullOrEmpty(request.Reason))
        {
            throw new PeerRequestException("a difference of digests comes with its reason");
        }

        if (!Interlocked.Exchange(ref _differs, true))
        {
            // Each comparison finds the same difference again, until the replicas are equal or this one has left the group.
            _host.CountDigestMismatch();
        }

        if (request.IsMinority)
        {
            Condemn(request.Reason);
        }
        else
        {
            NoteDigests(request.Reason);
        }
    }

    /// <summary>The leader has no entries any more that follow this replica's.</summary>
    internal void OnBehind()
    {
        Volatile.Write(ref _behindAt, _host.Options.Time.GetTimestamp());
        _rescue.Hurry();
    }

    /// <summary>The leader says so as long as it is true, and the lease lasts until the replica has what the others have.</summary>
    private bool IsBehind =>
        _lease.IsHeld
        || (Volatile.Read(ref _behindAt) is > 0 and var at && _host.Options.Time.GetElapsedTime(at) < 2 * _host.Options.Timings.BeatsOfSilence * _host.Options.Timings.Beat);

    /// <summary>Writers of group 0 are few and never slowed.</summary>
    private TimeSpan PauseAfter(int bytes) => Id.IsPlacement ? TimeSpan.Zero : _host.PauseAfter(bytes);

    /// <summary>
    /// Once in <see cref="RaftTimings.BeatsOfSilence"/> the leader tells each voter that it cannot feed: by itself such a voter notices only that it hears no leader, after
    /// a group's election timeout.
    /// </summary>
    private void TellThoseBehind()
    {
        if (!IsLeader || ++_beats % _host.Options.Timings.BeatsOfSilence != 0)
        {
            return;
        }

        foreach (var member in _cluster.Members)
        {
            if (member.IsRemote && IMemberInternals.NextIndex(member) <= _log.Start.Index && ReplicaEndPoint.TryParse(member.EndPoint, out var node, out _)
                && !_host.Watch.IsSilent(node))
            {
                _ = Background.GuardAsync("telling a voter that it is behind", () => TellBehindAsync(node));
            }
        }
    }

    private async Task TellBehindAsync(NodeId node)
    {
        try
        {
            await _survey.TellAsync(node, PeerRequestKind.Behind, _stopping.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // Closing.
        }
    }

    /// <summary>Another replica does not know that this one leads.</summary>
    internal void OnGreeted() => _pulse.Repeat();

    /// <summary>Once in <see cref="RaftTimings.Beat"/>, by one at a time.</summary>
    internal void Beat()
    {
        if (!TakesPart || !IsMember)
        {
            return;
        }

        try
        {
            _pulse.Beat();
            if (_state == ReplicaState.Running)
            {
                _rescue.Beat();
                TellThoseBehind();
            }

            if ((_state != ReplicaState.Running || !HasRoom) && _cluster.Leader is { IsRemote: false } && _handingOver.IsCompleted)
            {
                _handingOver = Background.Start("handing over", HandOverAsync);
            }

            _clockHandOver.Beat();
        }
        catch (UnreachableException error)
        {
            // DotNext's word for a replica in which a change of state failed, most likely on the log: it takes no part any more, and says nothing.
            Fail(error);
        }
    }

    /// <summary>A member whose log we could not serve tells where it stands now. True when we lead and took note.</summary>
    internal bool OnNudged(GroupVoter voter, long commitIndex)
    {
        if (!IsLeader)
        {
            return false;
        }

        var identity = ReplicaEndPoint.Create(voter.Node, new ReplicaKey(Id, voter.Incarnation));
        foreach (var member in _cluster.Members)
        {
            if (member.IsRemote && ReplicaEndPointComparer.Instance.Equals(member.EndPoint, identity) && commitIndex <= _log.LastIndex)
            {
                var next = RescueRules.NextIndex(_log, commitIndex);
                IMemberInternals.MoveNextIndex(member, next);
                LogMessages.MemberNudged(_logger, Id.Value, voter.Node.Value, next);
            }
        }

        return true;
    }

    /// <summary>
    /// Takes a fetched checkpoint for our state. The applier stands still meanwhile; the log is told afterwards, so that a crash in
    /// between is seen at the next start by the state being ahead of the log. Does nothing if the state got there by itself while the
    /// checkpoint was on its way: what was once visible must not vanish, not even until it is applied again.
    /// </summary>
    internal async Task InstallAsync(CheckpointManifest manifest, string directory, CancellationToken cancellationToken)
    {
        var position = new LogPosition(manifest.Term, manifest.Index);
        var isNeeded = await _applier.BetweenAppliesAsync(
            machine =>
            {
                if (machine.Applied.Index >= position.Index)
                {
                    return false;
                }

                machine.InstallCheckpoint(directory);
                Invariant.Holds(machine.Applied == position, $"The checkpoint stands at {machine.Applied}, its manifest says {position}.");
                _audit.ResetTo(position);
                _proposals.OnJumped(position);
                _progress.Advance(position.Index);
                return true;
            },
            cancellationToken).ConfigureAwait(false);
        if (!isNeeded)
        {
            return;
        }

        await _log.WhenDurableAsync().ConfigureAwait(false);
        var (_, known) = await LoadMembersAsync(cancellationToken).ConfigureAwait(false);
        if (manifest.ConfigurationVersion <= known && known > 0)
        {
            // A replica that lost only its state may have taken over a later configuration than the one whose state it copies.
            _applier.Wake();
            LogMessages.CheckpointInstalled(_logger, Id.Value, position.Index);
            return;
        }

        var configuration = new LogEntry(manifest.ConfigurationVersion, manifest.Term, LogEntryKind.Configuration, manifest.Configuration);
        await ((DotNext.Net.Cluster.Consensus.Raft.Membership.IClusterConfigurationStorage)_members)
            .SaveConfigurationAsync(new LogEntryView(configuration), manifest.ConfigurationVersion, cancellationToken).ConfigureAwait(false);
        _applier.Wake();
        LogMessages.CheckpointInstalled(_logger, Id.Value, position.Index);
    }

    /// <summary>
    /// A damaged replica becomes a copy of the leader's checkpoint, whatever its own log still held, and counts its vote in the
    /// highest term anybody has seen as given to nobody.
    /// </summary>
    internal async Task AdoptAsync(CheckpointManifest manifest, string directory, long highestTerm, CancellationToken cancellationToken)
    {
        if (manifest.Index > _machine.Applied.Index)
        {
            await InstallAsync(manifest, directory, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            // Our state already holds everything that is committed; only the log has to begin anew there.
            _audit.ResetTo(_machine.Applied);
        }

        _audit.Abstain(highestTerm);
        _log.ClearDamage();
        await _log.WhenDurableAsync().ConfigureAwait(false);
    }

    /// <summary>
    /// The other voters, from the member list on disk: it is there before the cluster runs. A learner that has none yet has those it was
    /// opened with.
    /// </summary>
    internal async Task<IReadOnlyList<GroupVoter>> OtherVotersAsync(CancellationToken cancellationToken)
    {
        var storage = (DotNext.Net.Cluster.Consensus.Raft.Membership.IClusterConfigurationStorage<EndPoint>)_members;
        var configuration = await storage.LoadConfigurationAsync(cancellationToken).ConfigureAwait(false);
        var voters = new List<GroupVoter>();
        foreach (var member in configuration.Members)
        {
            if (!ReplicaEndPointComparer.Instance.Equals(member, Identity) && ReplicaEndPoint.TryParse(member, out var node, out var key))
            {
                voters.Add(new GroupVoter(node, key.Incarnation));
            }
        }

        return voters.Count > 0 || configuration.Members.Count > 0
            ? voters
            : [.. _firstVoters.Where(voter => voter.Node != _host.Options.NodeId)];
    }

    /// <summary>Who votes, as this replica counts them, by name of node.</summary>
    public IReadOnlyList<GroupVoter> Voters() =>
    [
        .. _cluster.Members
            .Select(member => ReplicaEndPoint.TryParse(member.EndPoint, out var node, out var key) ? new GroupVoter(node, key.Incarnation) : default)
            .OrderBy(voter => voter.Node),
    ];

    /// <summary>False: the replica was in another state, and stays in it. One that failed meanwhile does not come back to life.</summary>
    internal bool TryEnter(ReplicaState from, ReplicaState to)
    {
        lock (_failing)
        {
            if (_state != from)
            {
                return false;
            }

            _state = to;
            return true;
        }
    }

    internal ReplicaState State => _state;

    /// <summary>The wall clock of this node is wrong.</summary>
    internal bool IsNodeSkewed => _host.Clock.IsSkewed;

    /// <summary>The nodes of the voters, as far as this replica knows; of a learner, or one that does not run yet, those it was opened with.</summary>
    internal IReadOnlyCollection<NodeId> VoterNodes()
    {
        // DotNext makes a new collection for each change.
        var members = _cluster.Members;
        if (_voterNodes is not { } known || !ReferenceEquals(known.Members, members))
        {
            NodeId[] nodes = [.. Voters().Select(static voter => voter.Node)];
            _voterNodes = known = new(members, nodes.Length > 0 ? nodes : [.. _firstVoters.Select(static voter => voter.Node)]);
        }

        return known.Nodes;
    }

    private sealed record KnownVoters(IReadOnlyCollection<RaftClusterMember> Members, NodeId[] Nodes);

    private void OnApplied(LogPosition position, EntryId? id, IReadOnlyList<Outcome> outcomes)
    {
        _clock.OnApplied();
        _proposals.OnApplied(position, id, outcomes);
    }

    /// <summary>Moves the log start up to what the state machine holds durably, keeping some entries for followers that lag.</summary>
    internal void ForgetDurable(int keepEntries) => MoveStart(Math.Min(_machine.Durable.Index, _machine.Applied.Index) - keepEntries);

    /// <summary>
    /// Moves the log start, but never beyond what the state machine holds durably, nor beyond what a replica needs that catches up: a copy that took longer than the
    /// log is kept would begin anew for ever. Only a log of twice its bound is not kept for anyone.
    /// </summary>
    private void MoveStart(long start)
    {
        start = Math.Min(start, Math.Min(_machine.Durable.Index, _machine.Applied.Index));
        if (_host.Log.Statistics.SegmentBytes <= 2 * _host.Options.LogBytesRetainedMax)
        {
            start = Math.Min(start, Math.Min(Checkpoints.NeededFrom ?? long.MaxValue, Leases.NeededFrom ?? long.MaxValue));
        }

        // Somebody else may make it forget more at the same moment: where it begins now is asked for once, with the term there.
        if (_fault is null && _log.TryPositionAt(start) is { } position)
        {
            _log.SetStart(position);
        }
    }

    /// <summary>Once a second: lets the log forget, lets go of checkpoints that nobody fetches any more, and looks for faults that no request has met yet.</summary>
    internal void Housekeep(int keepEntries)
    {
        try
        {
            ForgetDurable(keepEntries);
            Checkpoints.Tidy();
            if (_state == ReplicaState.Running)
            {
                _machine.Probe();
                RestIfIdle();
            }
        }
        catch (Exception error) when (error is ObjectDisposedException or LogFailedException or IOException)
        {
            // Closing; or the log failed and the node with it; or a directory could not be deleted, which the next round tries again.
            LogMessages.HousekeepingSkipped(_logger, Id.Value, error.Message);
        }
    }

    /// <summary>
    /// A replica that applied nothing for a while is flushed, which lets go of its write buffers and of the log, and gives back disk that nothing needs. Once after each time
    /// it was busy, and one replica of the node at a time: nobody waits for it.
    /// </summary>
    private void RestIfIdle()
    {
        var applied = _machine.Applied.Index;
        if (applied != _appliedAtLook)
        {
            (_appliedAtLook, _appliedAt, _hasRested) = (applied, _host.Options.Time.GetTimestamp(), applied == 0);
            return;
        }

        if (!_hasRested && _resting.IsCompleted && HasRoom && _host.Options.Time.GetElapsedTime(_appliedAt) >= _host.Options.RestAfter)
        {
            _hasRested = true;
            _resting = Background.Start("resting", RestAsync);
        }
    }

    private async Task RestAsync()
    {
        try
        {
            await _host.Rests.WaitAsync(_stopping.Token).ConfigureAwait(false);
            try
            {
                await FlushAsync(_host.Options.LogEntriesKept, _stopping.Token).ConfigureAwait(false);
                MoveStart(_log.StartOfLast(_host.Options.LogBytesKeptAtRest).Index);
                _machine.Rest();
            }
            finally
            {
                _host.Rests.Release();
            }
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException)
        {
            // Closing.
        }
        catch (Exception error) when (error is StorageException or IOException or LogFailedException)
        {
            LogMessages.FlushFailed(_logger, Id.Value, error);
        }
    }

    private static RaftCluster.CustomTransportConfiguration Configure(RaftHost host, MemberStorage members, EndPoint identity, GroupListener listener, TermGate terms)
    {
        var timings = host.Options.Timings;
        var patience = ElectionInternals.AreThere ? RaftTimings.GroupPatience : 1;
        return new RaftCluster.CustomTransportConfiguration(identity, listener, new GroupConnector(host.Dialer, terms))
        {
            ConfigurationStorage = members,
            EndPointComparer = ReplicaEndPointComparer.Instance,
            LowerElectionTimeout = (int)(patience * timings.ElectionMin.TotalMilliseconds),
            UpperElectionTimeout = (int)(patience * timings.ElectionMax.TotalMilliseconds),
            HeartbeatThreshold = timings.HeartbeatShare,
            RequestTimeout = timings.RequestTimeout,
            ConnectTimeout = timings.ConnectTimeout,
            ColdStart = false,
            AggressiveLeaderStickiness = true,
            LoggerFactory = host.RaftLoggers,
        };
    }

    private async Task StartClusterAsync(CancellationToken cancellationToken)
    {
        await _cluster.StartAsync(cancellationToken).ConfigureAwait(false);
        _applier.Wake();
        _learning = Background.Start("learning", LearnAsync);
    }

    /// <summary>A replica that is no member copies what is committed until it is one; from then on Raft feeds it, and the rescue watches.</summary>
    private async Task LearnAsync()
    {
        try
        {
            await _feed.RunAsync(_stopping.Token).ConfigureAwait(false);
            _rescue.Start();
            LeadershipChanged?.Invoke();
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // Closing before it became a member.
        }
        catch (Exception error)
        {
            Fail(error);
        }
    }

    /// <summary>
    /// A replica that lost only its state takes part from the start. It copies a state that its own log goes on from, applies what it has, and serves once it is
    /// where its readers may have been, or where the others said that the group is.
    /// </summary>
    private async Task RestoreStateAsync()
    {
        try
        {
            var committed = await _rescue.RestoreStateAsync(_stopping.Token).ConfigureAwait(false);
            Volatile.Write(ref _servesFrom, Math.Max(_servesFrom, Math.Max(committed, CommitIndex)));
            lock (_failing)
            {
                if (_state != ReplicaState.Rebuilding)
                {
                    return;
                }

                _fault = null;
                _state = ReplicaState.Running;
            }

            _applier.Release();
            LogMessages.ReplicaRebuilt(_logger, Id.Value);
            LeadershipChanged?.Invoke();
            await LearnAsync().ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // Closing: the log still begins after the state, so the next start tries again.
        }
        catch (Exception error)
        {
            Fail(error);
        }
    }

    /// <summary>
    /// A replica without its state is elected only if every other lacks entries that it has. It brings them those and hands leadership to one that can serve. So does one
    /// whose disk is full, if another's is not.
    /// </summary>
    private async Task HandOverAsync()
    {
        try
        {
            foreach (var voter in Voters().Where(voter => voter.Node != _host.Options.NodeId))
            {
                if (await Transfer.ToAsync(voter, _stopping.Token).ConfigureAwait(false) && _cluster.Leader is not { IsRemote: false })
                {
                    return;
                }
            }

            await Task.Delay(_host.Options.Timings.ElectionMax, _host.Options.Time, _stopping.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException)
        {
            // Closing.
        }
        catch (Exception error)
        {
            // As with a search for a leader: a fault that stays in the task would end the closing of the replica half-way.
            LogMessages.HandOverFailed(_logger, Id.Value, error);
        }
    }

    /// <summary>What a replica that rebuilds itself waits for, for its status.</summary>
    internal void Explain(string waitsFor)
    {
        lock (_failing)
        {
            if (_state == ReplicaState.Rebuilding && _fault is { } fault)
            {
                _reason ??= fault.Message;
                _fault = fault with { Message = $"{_reason}; {waitsFor}" };
            }
        }
    }

    private void OnMachineFaulted(StorageException error) => FailSoon(error);

    /// <summary>The caller holds locks, or is a part of what a failing replica stops. If failing fails, the node does: the replica would go on.</summary>
    private void FailSoon(Exception error) => _ = _host.Background.Start(
        $"failing the replica of group {Id}",
        () =>
        {
            Fail(error);
            return Task.CompletedTask;
        });

    private void OnBackgroundFault(string work, Exception cause)
    {
        if (_stopping.IsCancellationRequested)
        {
            // Parts of the replica are closed already, and nothing that is left undone here is missed.
            LogMessages.BackgroundEnded(_logger, work, cause.Message);
            return;
        }

        LogMessages.BackgroundFaulted(_logger, work, cause);
        Fail(cause);
    }

    /// <summary>A step of a loop of the node. A fault in it stops this replica, not the loop.</summary>
    internal void Guard(string work, Action<RaftGroup> step)
    {
        try
        {
            step(this);
        }
        catch (Exception cause)
        {
            OnBackgroundFault(work, cause);
        }
    }

    private async Task RebuildAsync()
    {
        try
        {
            await _rescue.RebuildAsync(_stopping.Token).ConfigureAwait(false);
            _fault = null;
            await StartClusterAsync(_stopping.Token).ConfigureAwait(false);
            if (TryEnter(ReplicaState.Rebuilding, ReplicaState.Running))
            {
                LogMessages.ReplicaRebuilt(_logger, Id.Value);
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // Closing: the damage is remembered in the log and the next start tries again.
        }
        catch (Exception error)
        {
            Fail(error);
        }
    }

    /// <summary>
    /// A clean stop leaves little to replay. On a disk that fails there is no clean stop, and the engine must be closed all the same:
    /// nothing is lost, the log has what the engine has not.
    /// </summary>
    private void FlushBeforeClosing()
    {
        try
        {
            _machine.Flush();
            ForgetDurable(_host.Options.LogEntriesKept);
        }
        catch (Exception error) when (error is StorageException or IOException or LogFailedException)
        {
            LogMessages.FlushFailed(_logger, Id.Value, error);
        }
    }

    /// <summary>
    /// The replica cannot go on by itself: it leaves its group and says so in its status. If it led, the others are told and choose a successor at once.
    /// </summary>
    internal void Fail(Exception error)
    {
        var fault = ReplicaFault.Of(error);
        lock (_failing)
        {
            if (_state == ReplicaState.Stopped || (_state == ReplicaState.Failed && _fault is { } first && first.Loss <= fault.Loss))
            {
                return;
            }

            _fault = fault;
            if (_state == ReplicaState.Failed)
            {
                // It failed for want of room, say, and then turned out to be damaged: it has left its group already.
                Failed?.Invoke();
                return;
            }

            _state = ReplicaState.Failed;
        }

        LogMessages.ReplicaFailed(_logger, Id.Value, error);
        if (_cluster.Leader is { IsRemote: false })
        {
            _ = Background.GuardAsync("leaving the group", () => Leaders.VacateAsync(isGone: true));
        }

        _ = Background.GuardAsync("stopping", () => _cluster.StopAsync(CancellationToken.None));
        LeadershipChanged?.Invoke();
        Failed?.Invoke();
    }

    /// <exception cref="PeerRequestException">There is nothing to copy here.</exception>
    private async Task<LogPosition> SaveCheckpointAsync(string path, CancellationToken cancellationToken)
    {
        if (_state == ReplicaState.Failed || _fault is { Loss: ReplicaLoss.State })
        {
            throw new PeerRequestException($"the replica of group {Id} has no state to copy: {_fault?.Message}");
        }

        try
        {
            return await TakeCheckpointAsync(path, cancellationToken).ConfigureAwait(false);
        }
        catch (StorageException error)
        {
            // Damage is this replica's. Want of room may be the copy's alone; if the engine met it, the next write says so.
            if (error is StorageCorruptionException)
            {
                Fail(error);
            }

            throw new PeerRequestException($"group {Id} could not be copied: {error.Message}");
        }
    }

    private async Task<LogPosition> TakeCheckpointAsync(string path, CancellationToken cancellationToken)
    {
        var (position, complete) = await _applier.BetweenAppliesAsync(machine => machine.TakeCheckpoint(path), cancellationToken).ConfigureAwait(false);
        await Task.Run(complete, CancellationToken.None).ConfigureAwait(false);
        return position;
    }

    private async Task<(byte[] Configuration, long Version)> LoadMembersAsync(CancellationToken cancellationToken)
    {
        var (configuration, version) = await ((DotNext.Net.Cluster.Consensus.Raft.Membership.IClusterConfigurationStorage)_members)
            .LoadConfigurationAsync(cancellationToken).ConfigureAwait(false);
        return ((await PayloadReader.ReadAsync(configuration, cancellationToken).ConfigureAwait(false)).ToArray(), version);
    }

    private void OnLeaderChanged(RaftCluster<RaftClusterMember> cluster, RaftClusterMember? leader)
    {
        if (leader is { IsRemote: false })
        {
            _ = Background.GuardAsync("confirming leadership", ConfirmLeadershipAsync);
        }
        else
        {
            Leaders.OnLeaderChanged();
        }

        LogMessages.LeaderChanged(_logger, Id.Value, Term, Leader?.Value ?? "nobody");
        LeadershipChanged?.Invoke();
    }

    /// <summary>
    /// A fresh leader's first round is refused (it starts behind its own first entry) and DotNext's second one waits a whole heartbeat;
    /// until then it may not serve. Asking for rounds until its term is confirmed takes a round trip instead.
    /// </summary>
    internal async Task ConfirmLeadershipAsync()
    {
        while (_cluster.LeadershipToken.IsCancellationRequested && _cluster.Leader is { IsRemote: false } && !Leaders.HasStoodDown && !_stopping.IsCancellationRequested)
        {
            try
            {
                using var limit = new CancellationTokenSource(_host.Options.Timings.RequestTimeout);
                await _cluster.ForceReplicationAsync(limit.Token).ConfigureAwait(false);
            }
            catch (Exception error) when (error is NotLeaderException or OperationCanceledException or ObjectDisposedException)
            {
                // Deposed meanwhile, or a voter is slow: the loop's condition decides.
                await Task.Yield();
            }
        }

        LeadershipChanged?.Invoke();
    }
}
