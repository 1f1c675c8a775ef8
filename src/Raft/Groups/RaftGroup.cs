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
/// <para>
/// <b>Contents.</b> The parts with a state or a subject of their own are classes; the chapters of this class join them:
/// <list type="table">
/// <item><term><c>RaftGroup.cs</c></term><description>construction, what the replica is, and its status</description></item>
/// <item><term><c>RaftGroup.Opening.cs</c></term><description>from the files to a replica that takes part: start, learning, restoring, rebuilding</description></item>
/// <item><term><c>RaftGroup.Clients.cs</c></term><description>proposals and read barriers</description></item>
/// <item><term><c>RaftGroup.Leadership.cs</c></term><description>the leader, its confirmation and transfer, and the work at each heartbeat interval</description></item>
/// <item><term><c>RaftGroup.Members.cs</c></term><description>the voters and their changes</description></item>
/// <item><term><c>RaftGroup.CatchingUp.cs</c></term><description>state and entries from other replicas</description></item>
/// <item><term><c>RaftGroup.Answers.cs</c></term><description>answers to requests of other nodes</description></item>
/// <item><term><c>RaftGroup.Housekeeping.cs</c></term><description>flush and truncation of the log</description></item>
/// <item><term><c>RaftGroup.Failing.cs</c></term><description>faults, and the close of the replica</description></item>
/// <item><term><c>RaftGroup.Parts.cs</c></term><description>the interfaces through which the parts access it</description></item>
/// <item><term><see cref="ReplicaHealth"/></term><description>the state of the replica and its fault</description></item>
/// <item><term><see cref="VoterList"/></term><description>the voters in force and on disk</description></item>
/// <item><term><see cref="LogRetention"/></term><description>when the state is flushed and the log start moves</description></item>
/// <item><term><see cref="CheckpointSource"/>, <see cref="CheckpointInstaller"/></term><description>checkpoints for other replicas, and from them</description></item>
/// <item><term><see cref="ReplicaDigests"/></term><description>this replica in the comparison of replicas</description></item>
/// <item><term><see cref="LaggingVoters"/></term><description>voters that the leader cannot feed</description></item>
/// <item><term><see cref="LeadershipHandOver"/></term><description>a leader that cannot serve</description></item>
/// </list>
/// </para>
/// <para>Thread-safe.</para>
/// </summary>
public sealed partial class RaftGroup : IAsyncDisposable
{
    private readonly RaftHost _host;
    private readonly ReplicaKey _key;
    private readonly ReplicaHealth _health;
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
    private readonly ReplicaDigests _replicaDigests;
    private readonly LogRetention _retention;
    private readonly CheckpointInstaller _installer;
    private readonly LaggingVoters _lagging;
    private readonly LeadershipHandOver _handOver;
    private readonly VoterList _voters;
    private readonly ReplicaRescue _rescue;
    private readonly PeerSurvey _survey;
    private readonly GroupMembership _membership;
    private readonly LearnerFeed _feed;
    private readonly CheckpointFetcher _fetcher;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private Task _rebuilding = Task.CompletedTask;
    private Task _learning = Task.CompletedTask;

    /// <summary>When the leader last reported that it no longer has the entries that this replica needs; 0 before it ever did.</summary>
    private long _behindAt;

    /// <summary>The highest index that readers of this replica may have seen before its state was replaced. The replica serves again from that index on.</summary>
    private long _servesFrom;

    private RaftGroup(RaftHost host, GroupSpec spec, GroupLog log, IReplicatedStateMachine machine, ReplicaFault? fault, string directory)
    {
        _health = new ReplicaHealth(fault);
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
        _audit = new GroupAuditTrail(log, committed, _progress, Path.Combine(directory, GroupDirectory.ShellName), _logger)
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
            log, machine, _progress, () => _audit.ApplicableIndex, _proposals.IsWaitedFor, OnApplied, Fail, isHeld: fault is { Loss: ReplicaLoss.State }, _digests, _logger);
        _barrier = new ReadBarrier(_cluster, new TermQuorum(_cluster, host.WitnessAt), _audit, index => log.TryPositionAt(index)?.Term, _progress, host.Options.Timings.BarrierTimeout);
        _followerBarrier = new FollowerBarrier(this, host.Dialer);
        var source = new CheckpointSource(Id, _health, _applier, _members, Fail);
        Checkpoints = new CheckpointCache(Path.Combine(directory, "checkpoints"), source.SaveAsync, source.LoadMembersAsync, host.Options.Time, _logger);
        _replicaDigests = new ReplicaDigests(Id, _health, _digests, _applier, host.CountDigestMismatch, Condemn);
        _retention = new LogRetention(this, _applier, host.Log, host.Options, host.Rests, _logger, _stopping.Token);
        _installer = new CheckpointInstaller(log, machine, _audit, _applier, _proposals, _progress, _members, _logger);
        _voters = new VoterList(_cluster, _members, spec.Voters, Identity, host.Options.NodeId);
        _survey = new PeerSurvey(spec.Group, host.Dialer, host.Options);
        _membership = new GroupMembership(_cluster, _members, _audit, _barrier, host.Options.Timings.RequestTimeout, host.Options.Time);
        Transfer = new LeadershipTransfer(this, _cluster, _queue, _survey, host.Options.Timings, host.Options.Time, _logger);
        _fetcher = new CheckpointFetcher(
            host.Dialer, Path.Combine(directory, "incoming"), host.Copies, host.Options.Time, _logger);
        _pull = new EntryPull(this, host.Dialer);
        Leases = new EntryLeases(host.Options.Time);
        _lease = new EntryLease(this, _survey, _fetcher, host.Options.Time);
        _lagging = new LaggingVoters(this, _cluster, _survey, host.Watch, host.Options.Timings, _logger, _stopping.Token);
        _rescue = new ReplicaRescue(this, _survey, _pull, _lease, host.Dialer, _fetcher, host.Options, _logger);
        Comparison = new DigestComparison(this, _survey, host.Options, _logger);
        _feed = new LearnerFeed(this, spec.LearnerPace, _survey, _pull, _lease, _fetcher, host.Options, _logger);
        Search = new LeaderSearch(this, Transfer, host.Watch, _survey, host.Options.Timings, host.Options.Time, _logger);
        Leaders = new LeaderWatch(this, _cluster, _audit, host.Watch, _survey, host.Options, _logger, () => LeadershipChanged?.Invoke());
        _pulse = new GroupPulse(this, _cluster, host.Watch, host.Options);
        _handOver = new LeadershipHandOver(this, _cluster, host.Options, _logger, _stopping.Token);
        _clockHandOver = new ClockHandOver(this, host.Clock, host.Watch, host.Options.NodeId, host.Options.Time, _logger);
        Connect();
    }

    /// <summary>Everything that calls another part is there by now.</summary>
    private void Connect()
    {
        _audit.Committed += _applier.Wake;
        _audit.ConfigurationSaved += _applier.Wake;
        _audit.ConfigurationFailed += OnConfigurationRefused;
        _audit.AskedBelowStart += _rescue.Hurry;
        _audit.CutShort += _rescue.Hurry;
        _audit.Conflicted += OnHistoryDiffers;
        Terms.Doubted += _rescue.Doubt;
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
    public ReplicaFault? Fault => _health.Fault;

    /// <summary>Why it failed and waits to be closed; null while it runs or rebuilds itself.</summary>
    public ReplicaFault? Failure => _health.Failure;

    public GroupId Id => _key.Group;

    public int Incarnation => _key.Incarnation;

    /// <summary>True while this replica leads, the first entry of its term is committed, and it has received no later term.</summary>
    public bool IsLeader => _health.IsRunning && !_cluster.LeadershipToken.IsCancellationRequested && _audit.LeadingTerm == Term;

    /// <summary>The replica serves: it is not closed, failed, in rebuild or in catch-up from a checkpoint, and has applied all that its readers have seen.</summary>
    public bool IsRunning => _health.IsRunning && HasCaughtUp;

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

    internal CheckpointCache Checkpoints { get; }

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

    /// <summary>True if this replica may be chosen to campaign. A replica that cannot serve would transfer leadership at once.</summary>
    internal bool MayLead => _health.IsWhole && HasCaughtUp;

    internal ReplicaState State => _health.State;

    /// <summary>The wall clock of this node is wrong.</summary>
    internal bool IsNodeSkewed => _host.Clock.IsSkewed;

    public GroupStatus Status() => new(
        Id, Incarnation, _health.IsRunning && !HasCaughtUp ? ReplicaState.CatchingUp : _health.State, IsLeader, Leader, Term, _log.Start, _log.LastIndex, _log.DurableIndex, _audit.CommitIndex,
        _machine.Applied, _machine.Durable, Voters(), IsMember, _health.Fault?.Message ?? (HasRoom ? _replicaDigests.NoteText : "the disk of its node is full"), _fetcher.Progress, IsBehind);

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
}
