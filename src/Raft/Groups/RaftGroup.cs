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
/// This node's replica of one Raft group. It proposes commands, provides read barriers and reports changes of leadership.
/// <para>
/// Election, replication and quorum are DotNext's <see cref="RaftCluster"/>. Our parts surround it, in the order in which a write
/// passes them: <c>ProposalQueue</c> (many commands, one entry), <c>GroupAuditTrail</c> (the group's part of the node log; nothing is
/// answered before it is fsynced), <c>Applier</c> (applies committed entries to the state machine; the outcomes return through the
/// waiting proposals), <c>ReadBarrier</c> (linearizable reads without a write), and <c>Catchup/</c> (transfers checkpoints outside of Raft, to a
/// replica that lacks reclaimed log entries, or to a learner). <c>GroupMembership</c> changes the voters. <c>Leadership/</c> transfers leadership
/// to a named voter, finds a successor for a dead or silent leader, and quiesces a group without news; DotNext's own timers are the last resort.
/// </para>
/// <para>
/// It relies on three things: what the node log reports as durable is on disk; the state machine is deterministic; peers
/// are identified by name, not by address. It does not decide about moves, does not route and does not retry.
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

    /// <summary>Used by housekeeping alone: the index applied at its last run, the time since then, and whether the replica was flushed as idle since.</summary>
    private long _appliedAtLook = -1;

    private long _appliedAt;
    private bool _hasRested;
    private Task _resting = Task.CompletedTask;
    private volatile ReplicaFault? _fault;
    private int _beats;
    private long _behindAt;
    private volatile ReplicaState _state = ReplicaState.Running;
    private volatile KnownVoters? _voterNodes;

    /// <summary>Why the replica rebuilds itself, without the condition that it waits for at the moment.</summary>
    private string? _reason;

    /// <summary>The highest index that readers of this replica may have seen before its state was replaced. The replica serves again from that index on.</summary>
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
        _members = new MemberStorage(Path.Combine(directory, MemberStorage.FileName), host.Files);

        // If the state was lost, everything up to the log's start is committed nevertheless: the start only moves to an applied index.
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

    /// <summary>Raised after this replica won, confirmed or lost leadership, or after its current leader changed. Must be quick.</summary>
    public event Action? LeadershipChanged;

    /// <summary>Raised after this replica failed, or after its <see cref="Fault"/> changed. Must be quick.</summary>
    public event Action? Failed;

    /// <summary>Why it does not serve; null while it serves.</summary>
    public ReplicaFault? Fault => _fault;

    /// <summary>Why it failed and waits to be closed; null while it runs or rebuilds itself.</summary>
    public ReplicaFault? Failure => _state == ReplicaState.Failed ? _fault : null;

    public GroupId Id => _key.Group;

    public int Incarnation => _key.Incarnation;

    /// <summary>True while this replica leads, the first entry of its term is committed, and it has received no later term.</summary>
    public bool IsLeader => _state == ReplicaState.Running && !_cluster.LeadershipToken.IsCancellationRequested && _audit.LeadingTerm == Term;

    /// <summary>The replica serves: it is not closed, failed, in rebuild or in catch-up from a checkpoint, and has applied all that its readers have seen.</summary>
    public bool IsRunning => _state == ReplicaState.Running && HasCaughtUp;

    /// <summary>
    /// The replica votes, acknowledges and confirms: each vote and entry that it acknowledged is in its log. Its state may be missing; that affects only its readers.
    /// </summary>
    private bool TakesPart => _state == ReplicaState.Running || (_state == ReplicaState.Rebuilding && _fault is { Loss: ReplicaLoss.State });

    /// <summary>It has its log and its state. So it can lead, and other replicas can copy it.</summary>
    private bool IsWhole => _state is ReplicaState.Running or ReplicaState.CatchingUp;

    private bool HasCaughtUp => _machine.Applied.Index >= Volatile.Read(ref _servesFrom);

    /// <summary>
    /// True once this replica has applied again all that it may have applied before its process started. The engine holds the flushed state; no record holds the exact
    /// applied index beyond that, because nothing is written when an entry is committed or applied. An entry is applied only when it is on this replica's own
    /// disk, so the last entry of the log at the start is an upper bound; see <see cref="GroupAuditTrail.ReplayedUpTo"/>. Once true, the value stays true.
    /// </summary>
    public bool IsReplayed => _machine.Applied.Index >= _audit.ReplayedUpTo;

    /// <summary>The current leader in this replica's view; null if there is none, if the leader's node is silent, or if the leader reported that it stepped down.</summary>
    public NodeId? Leader => Leaders.Leader;

    /// <summary>True if this replica is a voter in its own view. A learner is not a voter yet; a removed replica may not have received its removal.</summary>
    public bool IsMember => _membership.IsMember;

    public long Term => _audit.Term;

    /// <inheritdoc cref="GroupAuditTrail.LeadingTerm"/>
    internal long LeadingTerm => _audit.LeadingTerm;

    /// <summary>
    /// The clock of the state machine now, Unix milliseconds, advanced since the last entry. On the leader it is the stamp of the next entry; on other replicas it is a lower
    /// bound of that.
    /// </summary>
    public long ClockMs => _clock.NowMs(IsLeader ? Term : null);

    /// <summary>The state machine of this replica. Its own reads may be called from any thread.</summary>
    public IReplicatedStateMachine Machine => _machine;

    internal EndPoint Identity { get; }

    /// <summary>Decides which terms from other nodes are accepted.</summary>
    internal TermGate Terms { get; }

    internal CheckpointShelf Checkpoints { get; }

    internal DigestComparison Comparison { get; }

    /// <summary>The nodes that catch up with this group.</summary>
    internal EntryLeases Leases { get; }

    /// <summary>Background work of this replica. A fault in it stops the replica.</summary>
    internal BackgroundTasks Background { get; }

    internal GroupLog Log => _log;

    internal RaftCluster Cluster => _cluster;

    internal long CommitIndex => _audit.CommitIndex;

    /// <summary>The node's disk accepts more entries than fit into the rest of the current log segment.</summary>
    internal bool HasRoom => _host.Options.MayGrow() && !_host.Log.IsOutOfRoom;

    internal LeadershipTransfer Transfer { get; }

    internal LeaderSearch Search { get; }

    internal LeaderWatch Leaders { get; }

    /// <summary>
    /// Proposes a command to the group and waits until it is applied on this replica. The token ends the wait, not the command: if the caller
    /// gives up after the command was proposed, the result is <see cref="ProposalStatus.Unknown"/>. Raft failures are returned, not thrown.
    /// </summary>
    public ValueTask<ProposalResult> ProposeAsync(ReadOnlyMemory<byte> command, CancellationToken cancellationToken) =>
        ProposeAsync(command, command.Length, cancellationToken);

    /// <inheritdoc cref="ProposeAsync(ReadOnlyMemory{byte}, CancellationToken)"/>
    /// <param name="command">The command.</param>
    /// <param name="weight">
    /// Bytes that the command changes when it is applied, if they exceed its own size. The weight counts towards <see cref="RaftGroupLimits.EntryBytesMax"/>; a command
    /// with a larger weight gets an entry of its own. So the memory needed to apply an entry is bounded, too.
    /// </param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask<ProposalResult> ProposeAsync(ReadOnlyMemory<byte> command, int weight, CancellationToken cancellationToken) =>
        _state is ReplicaState.Running
            ? _host.Log.HasRoomFor(command.Length)
                ? _queue.ProposeAsync(command, weight, cancellationToken)
                : new(new ProposalResult(ProposalStatus.NoRoom, null, LogPosition.None, Leader))
            : new(new ProposalResult(ProposalStatus.Stopped, null, LogPosition.None, Leader));

    /// <summary>
    /// When it passes, all writes that any replica acknowledged before this call are visible in this replica's state machine. One quorum
    /// round serves all callers that waited for it; nothing is written. In group 0 the same round sends the commit index to the followers, because their routing depends on it.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token was cancelled first.</exception>
    public async ValueTask<ReadBarrierResult> ReadBarrierAsync(CancellationToken cancellationToken)
    {
        var status = _state != ReplicaState.Running ? ReadBarrierStatus.NotLeader
            : await (Id.IsPlacement ? _barrier.WaitForHeartbeatAsync(cancellationToken) : _barrier.WaitAsync(cancellationToken)).ConfigureAwait(false);
        return new ReadBarrierResult(status, status == ReadBarrierStatus.Passed ? null : Leader);
    }

    /// <summary>
    /// Brings this replica, leader or follower, up to date with the leader. If the result is true, all writes that any replica acknowledged before
    /// this call are visible in this replica's state machine. The result is false if this could not be achieved before the token was cancelled.
    /// Callers share one barrier for their readers; calls are served one after the other.
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

    /// <summary>Waits until this replica has a leader.</summary>
    public Task WaitForLeaderAsync(CancellationToken cancellationToken) =>
        _cluster.WaitForLeaderAsync(Timeout.InfiniteTimeSpan, cancellationToken);

    /// <summary>Waits until everything up to an index is applied on this replica.</summary>
    public ValueTask WaitForApplyAsync(long index, CancellationToken cancellationToken) => _progress.WaitAsync(index, cancellationToken);

    /// <summary>Steps down if this replica leads. The next election decides the next leader.</summary>
    public async Task ResignAsync(CancellationToken cancellationToken)
    {
        if (IsLeader)
        {
            await ((DotNext.Net.Cluster.ICluster)_cluster).ResignAsync(cancellationToken).ConfigureAwait(false);
            await Leaders.VacateAsync(isGone: true).WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// On the leader: transfers leadership to a voter. True if this replica no longer leads; then the target leads, unless another event intervened.
    /// False: nothing changed; the target is unreachable or behind.
    /// </summary>
    public Task<bool> TransferLeadershipAsync(GroupVoter to, CancellationToken cancellationToken) => Transfer.ToAsync(to, cancellationToken);

    /// <summary>On the leader: promotes a replica that follows closely (a learner) to a voter. Raft failures are returned, not thrown.</summary>
    public Task<MembershipChange> AddVoterAsync(GroupVoter voter, CancellationToken cancellationToken) =>
        _membership.ChangeAsync(ReplicaEndPoint.Create(voter.Node, new ReplicaKey(Id, voter.Incarnation)), add: true, cancellationToken);

    /// <summary>On the leader, for another voter: removes the voter. The removed voter is not notified. Raft failures are returned, not thrown.</summary>
    public Task<MembershipChange> RemoveVoterAsync(GroupVoter voter, CancellationToken cancellationToken)
    {
        Invariant.Holds(voter.Node != _host.Options.NodeId, "A leader does not remove itself; it transfers leadership first.");
        return _membership.ChangeAsync(ReplicaEndPoint.Create(voter.Node, new ReplicaKey(Id, voter.Incarnation)), add: false, cancellationToken);
    }

    /// <summary>On the leader: true if <see cref="Voters"/> is in force now and no membership change is in progress.</summary>
    public Task<bool> IsMembershipSettledAsync(CancellationToken cancellationToken) => _membership.IsSettledAsync(cancellationToken);

    /// <summary>Queries the progress of another node's replica; null if it does not answer.</summary>
    public async Task<ReplicaReport?> AskAsync(GroupVoter voter, CancellationToken cancellationToken) =>
        await _survey.AskAsync(voter, cancellationToken).ConfigureAwait(false) is { } status
            ? new ReplicaReport(status.Incarnation, status.IsMember, status.LastIndex, status.CommitIndex, status.AppliedIndex)
            : null;

    /// <summary>
    /// For a removed replica: copies the committed entries up to exactly an index, so that its state can be compared with another replica's
    /// at that index.
    /// </summary>
    /// <exception cref="IOException">The other node does not answer, or its log does not reach back that far.</exception>
    public async Task CatchUpToAsync(GroupVoter from, long index, CancellationToken cancellationToken)
    {
        await _pull.PullAsync(from.Node, index, cancellationToken).ConfigureAwait(false);
        await _progress.WaitAsync(index, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// For operators: makes a checkpoint as for a new replica, returns its position and size, and discards it. This proves that a checkpoint can be
    /// made.
    /// </summary>
    public async Task<(LogPosition Position, long Bytes)> TryCheckpointAsync(CancellationToken cancellationToken)
    {
        var made = await Checkpoints.OfferAsync(cancellationToken).ConfigureAwait(false);
        Checkpoints.Release(made.Id);
        return (new LogPosition(made.Term, made.Index), made.Files.Sum(static file => file.Length));
    }

    /// <summary>
    /// Makes the state durable and truncates the log entries that are no longer needed.
    /// </summary>
    /// <param name="keepEntries">Entries below the durable position that are kept for lagging followers.</param>
    /// <param name="cancellationToken">Ends the wait for exclusive access to the state machine.</param>
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
    /// Moves the log start up to a position, because the log exceeds its size limit, and flushes the state first if necessary. Later entries are kept for
    /// lagging followers: without them, a follower that is a few entries behind at that moment would need a whole checkpoint.
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
    /// The state of this replica is not reliable, for a reason found outside the replica (a digest differs, the node was rolled back). The replica transfers
    /// leadership and fails with <see cref="ReplicaLoss.State"/>; its owner closes it, moves its state aside and opens it again without a state.
    /// </summary>
    public void Condemn(string reason) => Fail(new StorageCorruptionException(reason));

    /// <summary>True if this replica may be chosen to campaign. A replica that cannot serve would transfer leadership at once.</summary>
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
            // The process may continue to run, and to answer pings, for a long time.
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
        var members = Path.Combine(directory, MemberStorage.FileName);
        var ranBefore = MemberStorage.Exists(members);
        var logKnown = host.Log.Contains(key);

        // The member list may be lost with the log. A learner's incarnation was just assigned; any other replica that the log does not know may have been here.
        var log = host.Log.OpenGroup(key, isKnownToBeNew: !ranBefore && spec.IsLearner, ranBefore);
        if (!ranBefore)
        {
            // The log's own record is checked first: a member list without a log means that the log was lost.
            Directory.CreateDirectory(directory);
            log.SetBallot(log.Ballot.Term, log.Ballot.VotedFor.Span);
            await log.WhenDurableAsync().ConfigureAwait(false);
            MemberStorage.WriteFirst(members, spec.Group, spec.IsLearner ? [] : spec.Voters, host.Files);
        }

        var fault = ReplicaFault.Judge(log, machine, ranBefore, logKnown, MemberStorage.IsDamagedAt(members));
        if (fault is null && machine.Applied.Index >= log.Start.Index && log.TryPositionAt(machine.Applied.Index) != machine.Applied)
        {
            // The process ended after it installed a checkpoint and before it updated the log. The log may reach further, with entries of a deposed leader.
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
                    throw new HistoryDiffersException($"entry {from - 1} has term {previous.Term} here and term {previousTerm} at the requesting replica");
                }

                return _log.ReadSome(from, to, EntriesFrame.BytesWanted);
            }
        }
        catch (ArgumentOutOfRangeException)
        {
            // The log truncated them since the check.
        }

        throw new PeerRequestException($"the log holds the committed entries {_log.Start.Index + 1} to {_audit.CommitIndex}, but not {from}");
    }

    internal ValueTask AppendCommittedAsync(IReadOnlyList<LogEntry> entries) => _audit.AppendCommittedAsync(entries);

    /// <exception cref="PeerRequestException">This replica does not lead, or no majority follows it.</exception>
    internal async Task<LeaderProof> ProveLeadershipAsync(CancellationToken cancellationToken)
    {
        // The requesting follower waits until it has applied the proven index, so the round must send it the commit index.
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
            : throw new PeerRequestException($"this replica of group {Id} does not lead, or a membership change is in progress");
    }

    /// <summary>This replica itself takes part and has voted in no later term.</summary>
    internal bool IsStillIn(TermQuestion question) => TakesPart && _key == question.Replica && Term <= question.Term;

    /// <summary>Another replica catches up, or has just caught up.</summary>
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

        // The readers of a checkpoint keep it while it is fetched.
        Checkpoints.ForgetReleased();
    }

    /// <summary>
    /// The history of a proven leader differs from this replica's: one of the two was lost, for example because an older copy of a directory was started. The replica stops
    /// participating, keeps all its data, and reports the fault in its status; an operator decides which history is right.
    /// </summary>
    internal void OnHistoryDiffers(string reason) =>
        FailSoon(new HistoryDiffersException($"its history differs from the leader's: {reason}"));

    /// <summary>Requests a digest of the state at an index. False: the index is applied already.</summary>
    internal async Task<bool> TryWantDigestAsync(long index, CancellationToken cancellationToken)
    {
        if (_state != ReplicaState.Running)
        {
            throw new PeerRequestException($"the replica of group {Id} does not run");
        }

        // From here on the applier ends a batch at the index. Whether the state is there already is checked while the applier is paused.
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

    /// <summary>A comparison without a majority was reported, and not withdrawn since.</summary>
    internal bool IsDigestNoted => _digestNote is not null;

    /// <summary>The result of the comparison of the replicas; null: they are equal.</summary>
    internal void NoteDigests(string? note)
    {
        _digestNote = note;
        Volatile.Write(ref _differs, note is not null);
    }

    /// <summary>The leader reports that the replicas differ. The minority leaves the group; without a majority the difference is only reported.</summary>
    /// <exception cref="PeerRequestException">The message does not contain how they differ.</exception>
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
            throw new PeerRequestException("a report of different digests must contain a reason");
        }

        if (!Interlocked.Exchange(ref _differs, true))
        {
            // Each comparison finds the same difference again, until the replicas are equal or this one has left the group.
            _host.CountDigestMismatch();
        }

        if (request.IsMinority && !Id.IsPlacement)
        {
            Condemn(request.Reason);
        }
        else
        {
            NoteDigests(request.Reason);
        }
    }

    /// <summary>The leader no longer has the entries that follow this replica's log.</summary>
    internal void OnBehind()
    {
        Volatile.Write(ref _behindAt, _host.Options.Time.GetTimestamp());
        _rescue.Hurry();
    }

    /// <summary>The leader repeats this as long as it is true, and the lease lasts until the replica has the entries of the others.</summary>
    private bool IsBehind =>
        _lease.IsHeld
        || (Volatile.Read(ref _behindAt) is > 0 and var at && _host.Options.Time.GetElapsedTime(at) < 2 * _host.Options.Timings.BeatsOfSilence * _host.Options.Timings.Beat);

    /// <summary>Group 0 has few writers; they are never slowed.</summary>
    private TimeSpan PauseAfter(int bytes) => Id.IsPlacement ? TimeSpan.Zero : _host.PauseAfter(bytes);

    /// <summary>
    /// Once in <see cref="RaftTimings.BeatsOfSilence"/> the leader notifies each voter that it cannot feed. Without that, such a voter detects only the absence of a
    /// leader, and only after the group's election timeout.
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
                _ = Background.GuardAsync("notifying a voter that it is behind", () => TellBehindAsync(node));
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

    /// <summary>Another replica has not received that this one leads.</summary>
    internal void OnGreeted() => _pulse.Repeat();

    /// <summary>Called once per heartbeat interval, by one caller at a time.</summary>
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
            // DotNext sets this for a replica in which a state change failed, most likely on the log. Such a replica takes no part any more and sends nothing.
            Fail(error);
        }
    }

    /// <summary>A member that needs entries below our log start reports its position. True if this replica leads and recorded it.</summary>
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
    /// Replaces our state by a fetched checkpoint. The applier is paused meanwhile. The log is updated afterwards, so after a crash in between
    /// the next start detects that the state is ahead of the log. Does nothing if the state has reached the checkpoint's position while the
    /// checkpoint was in transit: visible state must not disappear, not even until it is applied again.
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
                Invariant.Holds(machine.Applied == position, $"The checkpoint is at {machine.Applied}, but its manifest contains {position}.");
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

        // A replica that lost only its state may have stored a later configuration than the replica whose state it copies; the storage keeps the later one.
        await SaveMembersAsync(manifest, cancellationToken).ConfigureAwait(false);
        _applier.Wake();
        LogMessages.CheckpointInstalled(_logger, Id.Value, position.Index);
    }

    private async Task SaveMembersAsync(CheckpointManifest manifest, CancellationToken cancellationToken)
    {
        var configuration = new LogEntry(manifest.ConfigurationVersion, manifest.Term, LogEntryKind.Configuration, manifest.Configuration);
        await _members.SaveConfigurationAsync(new LogEntryView(configuration), manifest.ConfigurationVersion, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// A damaged replica becomes a copy of the leader's checkpoint, regardless of the content of its own log. It records a vote for no candidate in the
    /// highest term that any replica has seen.
    /// </summary>
    internal async Task AdoptAsync(CheckpointManifest manifest, string directory, long highestTerm, CancellationToken cancellationToken)
    {
        if (manifest.Index > _machine.Applied.Index)
        {
            await InstallAsync(manifest, directory, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            // Our state already holds everything that is committed; only the log must begin anew there.
            _audit.ResetTo(_machine.Applied);
            await SaveMembersAsync(manifest, cancellationToken).ConfigureAwait(false);
        }

        _audit.Abstain(highestTerm);
        _log.ClearDamage();
        await _log.WhenDurableAsync().ConfigureAwait(false);
    }

    /// <summary>
    /// The other voters, from the member list on disk: the list exists before the cluster runs. A learner that has no list yet, and a replica whose list is damaged, use the voters
    /// they were opened with.
    /// </summary>
    internal async Task<IReadOnlyList<GroupVoter>> OtherVotersAsync(CancellationToken cancellationToken)
    {
        if (_members.IsDamaged)
        {
            return OtherFirstVoters();
        }

        var configuration = await _members.LoadConfigurationAsync(cancellationToken).ConfigureAwait(false);
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
            : OtherFirstVoters();
    }

    private IReadOnlyList<GroupVoter> OtherFirstVoters() => [.. _firstVoters.Where(voter => voter.Node != _host.Options.NodeId)];

    /// <summary>The voters in this replica's view, by node name.</summary>
    public IReadOnlyList<GroupVoter> Voters() =>
    [
        .. _cluster.Members
            .Select(member => ReplicaEndPoint.TryParse(member.EndPoint, out var node, out var key) ? new GroupVoter(node, key.Incarnation) : default)
            .OrderBy(voter => voter.Node),
    ];

    /// <summary>False: the replica was in another state and stays in it. A replica that failed meanwhile does not become active again.</summary>
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

    /// <summary>The nodes of the voters in this replica's view; for a learner, or a replica that does not run yet, those it was opened with.</summary>
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

    /// <summary>Moves the log start up to the durable position of the state machine, and keeps some entries for lagging followers.</summary>
    internal void ForgetDurable(int keepEntries) => MoveStart(Math.Min(_machine.Durable.Index, _machine.Applied.Index) - keepEntries);

    /// <summary>
    /// Moves the log start, but never beyond the durable position of the state machine, nor beyond the entries that a replica in catch-up needs: a copy that takes longer than
    /// the log is kept would restart for ever. If the log exceeds twice its bound, it is not kept for any replica.
    /// </summary>
    private void MoveStart(long start)
    {
        start = Math.Min(start, Math.Min(_machine.Durable.Index, _machine.Applied.Index));
        if (_host.Log.Statistics.SegmentBytes <= 2 * _host.Options.LogBytesRetainedMax)
        {
            start = Math.Min(start, Math.Min(Checkpoints.NeededFrom ?? long.MaxValue, Leases.NeededFrom ?? long.MaxValue));
        }

        // Another caller may truncate more at the same moment: the present start and its term are read in one call.
        if (_fault is null && _log.TryPositionAt(start) is { } position)
        {
            _log.SetStart(position);
        }
    }

    /// <summary>Runs once a second: truncates the log, deletes checkpoints that are no longer fetched, and checks for faults that no request has met yet.</summary>
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
            // The replica closes; or the log failed and the node with it; or a directory could not be deleted, and the next run tries again.
            LogMessages.HousekeepingSkipped(_logger, Id.Value, error.Message);
        }
    }

    /// <summary>
    /// A replica that applied nothing for a while is flushed. The flush releases write buffers, log and disk space. It runs once after each busy period, for one replica of
    /// the node at a time; no caller waits for it.
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

    /// <summary>A learner copies committed entries until it is a member; from then on Raft feeds it, and the rescue watches it.</summary>
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
            // It closes before it became a member.
        }
        catch (Exception error)
        {
            Fail(error);
        }
    }

    /// <summary>
    /// A replica that lost only its state takes part from the start. It copies a state that its own log continues, applies its log, and serves once it has reached
    /// the index that its readers may have seen, or the index that the other replicas reported as the group's.
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
            // The replica closes: the log still begins after the state, so the next start tries again.
        }
        catch (Exception error)
        {
            Fail(error);
        }
    }

    /// <summary>
    /// A replica without its state is elected only if every other voter lacks entries that it has. It replicates those entries and transfers leadership to a replica that can
    /// serve. A replica with a full disk does the same if another voter's disk is not full.
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
            // As in a search for a leader: a fault that stays in the task would interrupt the close of the replica.
            LogMessages.HandOverFailed(_logger, Id.Value, error);
        }
    }

    /// <summary>The condition that a replica in rebuild waits for, for its status.</summary>
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

    /// <summary>The caller holds locks, or is itself stopped by the failing replica. If this work faults, the node fails: otherwise the replica would continue to run.</summary>
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
            // Parts of the replica are closed already; the work skipped here is not needed.
            LogMessages.BackgroundEnded(_logger, work, cause.Message);
            return;
        }

        LogMessages.BackgroundFaulted(_logger, work, cause);
        Fail(cause);
    }

    /// <summary>One step of a node loop. A fault in it stops this replica, not the loop.</summary>
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
            // The replica closes: the log keeps the damage mark, and the next start tries again.
        }
        catch (Exception error)
        {
            Fail(error);
        }
    }

    /// <summary>
    /// A clean stop leaves little to replay. If the disk fails, a clean stop is not possible, but the engine must be closed nevertheless:
    /// nothing is lost, because the log has the entries that the engine lacks.
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
    /// The replica cannot continue: it leaves its group and reports the fault in its status. If it led, it notifies the others, and they choose a successor at once.
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
                // The replica failed earlier (for example, because the disk was full) and then was found damaged: it has left its group already.
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
            // Damage concerns this replica. A full disk may concern only the copy; if it concerns the engine, the next write fails.
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

        LogMessages.LeaderChanged(_logger, Id.Value, Term, Leader?.Value ?? "no node");
        LeadershipChanged?.Invoke();
    }

    /// <summary>
    /// A new leader's first round is rejected (it starts behind its own first entry), and DotNext starts the second one a whole heartbeat interval later;
    /// until then the leader cannot serve. This loop requests rounds until the term is confirmed, which takes one round trip instead.
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
                // The replica was deposed meanwhile, or a voter is slow: the loop's condition decides.
                await Task.Yield();
            }
        }

        LeadershipChanged?.Invoke();
    }
}
