using System.Collections.Concurrent;
using System.Net;
using KvRaft.Raft.Background;
using KvRaft.Raft.Catchup;
using KvRaft.Raft.Clocks;
using KvRaft.Raft.Digests;
using KvRaft.Raft.Log;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Options;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Proposals;
using KvRaft.Raft.Runs;
using KvRaft.Raft.Telemetry;
using KvRaft.Raft.Transport;
using KvRaft.Storage;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Groups;

/// <summary>
/// All Raft groups of this process: one log and one listening port for all replicas. It opens and closes replicas, limits the log's
/// size, and signals when the node must stop. Thread-safe.
/// <para>
/// <b>Contents.</b> <c>RaftHost.cs</c> has the parts that all groups share, and opens, closes and drops replicas; <c>RaftHost.Loops.cs</c> has the work that no request causes: heartbeats,
/// housekeeping, comparisons of replicas, and the truncation of a log that is too long. The loops share the groups with everything else, so they are a chapter and no class.
/// </para>
/// </summary>
public sealed partial class RaftHost : IAsyncDisposable
{
    private readonly ConcurrentDictionary<GroupId, RaftGroup> _groups = new();
    private readonly ConcurrentDictionary<ReplicaKey, byte> _flushing = new();
    private readonly ConcurrentDictionary<NodeId, TermWitness> _witnesses = new();
    private readonly ConcurrentDictionary<ReplicaKey, LogPosition> _pins = new();
    private readonly WritePace _pace;
    private readonly TaskCompletionSource _refusal = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _fault = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _stopping = new();
    private readonly ILogger _logger;
    private readonly Task _housekeeping;
    private readonly Task _heartbeats;
    private readonly Task _comparing;
    private long _digestMismatches;

    private RaftHost(RaftHostOptions options, ILoggerFactory loggers, NodeLog log, RunBook runs, IFileSystem files)
    {
        Options = options;
        Copies = new CopyBudget(options.Time);
        _pace = new WritePace(options.LogBytesMax, options.LogBytesRetainedMax, options.Time);
        Loggers = loggers;
        RaftLoggers = new FilteredLoggers(loggers);
        Log = log;
        Files = files;
        Runs = runs;
        _logger = loggers.CreateLogger<RaftHost>();
        Background = new BackgroundTasks(OnBackgroundFault);
        Clock = new ClusterClock(options.NodeId, options.Time, _logger);
        Handshake = new Handshake(options.Authentication, options.ClusterId);
        Dialer = new NodeDialer(Handshake, options.ClusterId, options.NodeId, options.Resolve) { Gate = options.Gate, Runs = runs };
        Dialer.Refused += OnRefused;
        Watch = new NodeWatch(Dialer, options.Timings, options.Time, _logger, Background, () => Clock.Monotonic);
        runs.IsConnected = Watch.IsConnected;
        Listener = new NodeListener(
            options.ClusterId, options.NodeId, options.Listen, Handshake, options.ConnectionsMax,
            new PeerServer(Find, Clock, options.Time, _logger) { LogBatch = () => log.BatchMarked }.ServeAsync, Background, options.Time, _logger)
        { Runs = runs };
        Watch.Gone += OnNodeGone;
        Watch.Silent += OnNodeSilent;
        Watch.Heard += OnNodeHeard;
        Log.Pinned += OnPinned;
        Digests = new DigestPace(options.Time);
        _housekeeping = Background.StartLoop("housekeeping", HousekeepAsync, _stopping.Token);
        _comparing = Background.StartLoop("comparing replicas", CompareAsync, _stopping.Token);
        _heartbeats = Background.StartLoop("heartbeats", HeartbeatAsync, _stopping.Token);
    }

    public IReadOnlyCollection<RaftGroup> Groups => (IReadOnlyCollection<RaftGroup>)_groups.Values;

    /// <summary>The listening address for peers.</summary>
    public IPEndPoint ListenEndPoint => Listener.LocalEndPoint;

    /// <summary>
    /// Faults when the log is no longer reliable (a write or an fsync failed). From then on nothing is acknowledged. The process
    /// must end: after a failed fsync the content of the disk is unknown, and only a new start reads it.
    /// </summary>
    public Task Failure => Log.Failure;

    /// <summary>
    /// Faults with <see cref="RunRefusedException"/> if another node refuses this one permanently. This node stops participating, and the process must end.
    /// </summary>
    public Task Refusal => _refusal.Task;

    /// <summary>
    /// Faults with <see cref="BackgroundFaultException"/> if background work of this node ended by an exception that it does not handle. The process must end: a node without its
    /// heartbeats or its housekeeping looks healthy but is not.
    /// </summary>
    public Task Fault => _fault.Task;

    /// <summary>Totals of the shared log since it was opened: syncs, records, bytes.</summary>
    public LogStatistics LogStatistics => Log.Statistics;

    /// <summary>Connections with other nodes, in either direction, without a proof of the cluster secret since the start; see <see cref="Security.NodeAuthentication.IsRequired"/>.</summary>
    public long UnprovenConnections => Handshake.UnprovenCount;

    /// <summary>The rate limit for fetched checkpoints.</summary>
    public CopyBudget Copies { get; }

    /// <summary>The cluster time on this node, and the offset of the node's wall clock.</summary>
    public ClusterClock Clock { get; }

    /// <summary>Background work of this node, for all groups. A fault in it ends the node.</summary>
    internal BackgroundTasks Background { get; }

    internal RaftHostOptions Options { get; }

    internal ILoggerFactory Loggers { get; }

    internal ILoggerFactory RaftLoggers { get; }

    internal NodeLog Log { get; }

    internal IFileSystem Files { get; }

    internal RunBook Runs { get; }

    internal DigestPace Digests { get; }

    /// <summary>How often a local replica differed from the others of its group.</summary>
    public long DigestMismatches => Volatile.Read(ref _digestMismatches);

    internal Handshake Handshake { get; }

    internal NodeDialer Dialer { get; }

    internal NodeListener Listener { get; }

    internal NodeWatch Watch { get; }

    /// <summary>Limits the flush of idle replicas to one at a time.</summary>
    internal SemaphoreSlim Rests { get; } = new(1);

    /// <summary>For tests that simulate a kill: replicas that close send nothing to the others.</summary>
    internal bool IsDoomed { get; set; }

    /// <summary>The witness that queries the terms of that node's replicas, for all groups.</summary>
    internal TermWitness WitnessAt(NodeId node) =>
        _witnesses.GetOrAdd(node, static (node, host) => new TermWitness(node, host.Dialer, host.Options.Timings.RequestTimeout, host.Background), this);

    /// <summary>Opens the log, which reads it completely, and listens for peers.</summary>
    /// <exception cref="ArgumentException">The timings are not usable; the message contains every fault.</exception>
    /// <exception cref="LogOpenException">The log cannot be opened: it belongs to another node, has another version, or is not writable.</exception>
    /// <exception cref="IOException">The host cannot listen on the address.</exception>
    /// <exception cref="RunRefusedException">Another node reports that this data directory is an older copy, or that another process runs on a copy of it.</exception>
    public static async Task<RaftHost> StartAsync(RaftHostOptions options, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggers);
        if (options.Timings.Validate() is { Count: > 0 } faults)
        {
            throw new ArgumentException(string.Join(" ", faults), nameof(options));
        }

        var files = options.FileSystem ?? OsFileSystem.Instance;
        var log = await Task.Run(
            () => NodeLog.Open(
                files,
                Path.Combine(options.DataDirectory, "log"),
                new LogIdentity(options.ClusterId, options.NodeId),
                new NodeLogOptions
                {
                    SegmentBytes = options.LogSegmentBytes,
                    LogBytesMax = options.LogBytesMax,

                    // A start makes the log first, and then counts itself.
                    Generation = GenerationFile.Read(options.DataDirectory, files) + 1,
                },
                loggers.CreateLogger<NodeLog>()),
            cancellationToken).ConfigureAwait(false);
        RaftHost host;
        try
        {
            var run = new NodeRun(GenerationFile.Next(options.DataDirectory, files), Guid.NewGuid(), log.BatchFound);
            host = new RaftHost(options, loggers, log, new RunBook(options.DataDirectory, run, files, loggers.CreateLogger<RaftHost>()), files);
        }
        catch
        {
            await log.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        try
        {
            await new RunIntroduction(host.Dialer, options.Timings, options.Time).IntroduceAsync(options.Acquaintances, cancellationToken).ConfigureAwait(false);
            return host;
        }
        catch
        {
            await host.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>
    /// Runs a replica and takes ownership of the state machine. Returns when the replica takes part in its group or has begun to rebuild
    /// itself; it does not wait for a leader.
    /// </summary>
    public async Task<RaftGroup> OpenGroupAsync(GroupSpec spec, IReplicatedStateMachine machine, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(machine);
        var group = await RaftGroup.OpenAsync(this, spec, machine, cancellationToken).ConfigureAwait(false);
        if (!_groups.TryAdd(spec.Group, group))
        {
            await group.DisposeAsync().ConfigureAwait(false);
            throw new InvalidOperationException($"Group {spec.Group} already has a replica on this node.");
        }

        return group;
    }

    /// <summary>
    /// The voters of a group, proven by its leader after this call began: by a quorum round, with no membership change in progress. Null: no leader was
    /// reachable, or none could prove it; then the voters are unknown.
    /// </summary>
    /// <param name="group">The group; this node needs no replica of it.</param>
    /// <param name="candidates">The replicas that may lead it.</param>
    /// <param name="cancellationToken">Ends the wait; each query is limited by the request timeout.</param>
    public async Task<IReadOnlyList<GroupVoter>?> ProveVotersAsync(GroupId group, IReadOnlyList<GroupVoter> candidates, CancellationToken cancellationToken)
    {
        if (Find(group) is { IsLeader: true } own)
        {
            try
            {
                return ToVoters(await own.ProveMembersAsync(cancellationToken).ConfigureAwait(false));
            }
            catch (PeerRequestException)
            {
                // The leader may have been deposed a moment ago: another may lead.
            }
        }

        var survey = new PeerSurvey(group, Dialer, Options);
        var others = candidates.Where(candidate => candidate.Node != Options.NodeId).Distinct().ToArray();
        var answers = await survey.AskAllAsync(others, cancellationToken).ConfigureAwait(false);
        foreach (var (voter, _) in answers.Where(static answer => answer.Status.IsLeader).OrderByDescending(static answer => answer.Status.Term))
        {
            if (await survey.AskForMembersAsync(voter.Node, cancellationToken).ConfigureAwait(false) is { } proof && ToVoters(proof) is { } voters)
            {
                return voters;
            }
        }

        return null;
    }

    /// <summary>Null: some of them are not replicas.</summary>
    private static GroupVoter[]? ToVoters(MembersProof proof) =>
        proof.Voters is { Count: > 0 } members && members.All(static member => NodeId.IsValid(member?.Node) && member!.Incarnation > 0)
            ? [.. members.Select(static member => new GroupVoter(new NodeId(member.Node), member.Incarnation))]
            : null;

    /// <summary>Stops a replica and leaves its files.</summary>
    public async Task CloseGroupAsync(GroupId group)
    {
        if (_groups.TryRemove(group, out var open))
        {
            await open.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Replicas with data on this node, running or not: in the log, or as files.</summary>
    public IReadOnlyCollection<GroupReplica> Replicas()
    {
        var found = Log.Groups.Select(static key => new GroupReplica(key.Group, key.Incarnation)).ToHashSet();
        var directory = new DirectoryInfo(Path.Combine(Options.DataDirectory, "groups"));
        if (directory.Exists)
        {
            foreach (var each in directory.EnumerateDirectories())
            {
                if (GroupDirectory.TryParse(each.Name, out var key))
                {
                    found.Add(new GroupReplica(key.Group, key.Incarnation));
                }
            }
        }

        return found;
    }

    /// <summary>
    /// Deletes the data of a closed replica: first its files, then its records in the log. So after a crash in between,
    /// <see cref="Replicas"/> still finds it. The incarnation must never be opened here again. The owner deletes the state
    /// machine's files.
    /// </summary>
    /// <exception cref="InvalidOperationException">The replica is open.</exception>
    public async Task DropReplicaAsync(GroupReplica replica)
    {
        if (_groups.TryGetValue(replica.Group, out var open) && open.Incarnation == replica.Incarnation)
        {
            throw new InvalidOperationException($"The replica of group {replica.Group} must be closed before it is dropped.");
        }

        var key = new ReplicaKey(replica.Group, replica.Incarnation);
        var directory = GroupDirectory.Of(Options.DataDirectory, key);
        if (Directory.Exists(directory))
        {
            Directory.Delete(directory, recursive: true);
        }

        await Log.DropGroupAsync(key).ConfigureAwait(false);
        LogMessages.ReplicaDropped(_logger, replica.Group.Value, replica.Incarnation);
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        Log.StopWaitingForRoom();
        await _housekeeping.ConfigureAwait(false);
        await _heartbeats.ConfigureAwait(false);
        await _comparing.ConfigureAwait(false);
        await Watch.DisposeAsync().ConfigureAwait(false);
        Log.Pinned -= OnPinned;
        await Task.WhenAll(_groups.Keys.Select(CloseGroupAsync)).ConfigureAwait(false);
        foreach (var witness in _witnesses.Values)
        {
            witness.Dispose();
        }

        await Listener.DisposeAsync().ConfigureAwait(false);
        Runs.Save();
        await Log.DisposeAsync().ConfigureAwait(false);
        Digests.Dispose();
        _stopping.Dispose();
    }

    /// <summary>How long writers wait after an entry of this many bytes, because the log is kept for a replica in catch-up.</summary>
    internal TimeSpan PauseAfter(int bytes)
    {
        var logBytes = Log.Segments.Bytes;
        return logBytes > Options.LogBytesMax && _groups.Values.Any(static group => group.Leases.AreHeld) ? _pace.After(bytes, logBytes) : TimeSpan.Zero;
    }

    private RaftGroup? Find(GroupId group) => _groups.GetValueOrDefault(group);

    private void OnRefused(NodeId by, RunVerdict verdict)
    {
        if (_refusal.TrySetException(new RunRefusedException(Options.NodeId, by, verdict)))
        {
            LogMessages.RunRefused(_logger, by.Value, $"{verdict}");
            // Observed here: a caller that ends for another reason does not read the task.
            _ = _refusal.Task.Exception;
        }
    }

    private void OnBackgroundFault(string work, Exception cause)
    {
        if (_stopping.IsCancellationRequested)
        {
            // Parts of it are closed already; the work skipped here is not needed.
            LogMessages.BackgroundEnded(_logger, work, cause.Message);
            return;
        }

        LogMessages.BackgroundFaulted(_logger, work, cause);
        if (_fault.TrySetException(new BackgroundFaultException(work, cause)))
        {
            // Observed here: a caller that ends for another reason does not read the task.
            _ = _fault.Task.Exception;
        }
    }

    private void OnNodeGone(NodeId node) => ForEachGroup("a node that is gone", group => group.Leaders.OnNodeGone(node));

    private void OnNodeSilent(NodeId node) => ForEachGroup("a node that is silent", group => group.Leaders.OnNodeSilent(node));

    private void OnNodeHeard(NodeId node) => ForEachGroup("a node that is heard", group => group.Leaders.OnNodeHeard(node));

    /// <summary>A fault in one replica stops that replica only, neither the others nor the calling loop.</summary>
    private void ForEachGroup(string work, Action<RaftGroup> step)
    {
        foreach (var group in _groups.Values)
        {
            group.Guard(work, step);
        }
    }

    internal void CountDigestMismatch() => Interlocked.Increment(ref _digestMismatches);
}
