using KvRaft.Node.Requests;
using KvRaft.Node.Telemetry;
using KvRaft.Raft.Groups;
using KvRaft.Raft.Proposals;
using KvRaft.Raft.Reads;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Shards;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Shards;

/// <summary>
/// One shard on this node: the replica of its Raft group, and the store that the group drives. A write is a proposal whose
/// outcome comes back from apply; a linearizable read is a barrier, then a read of the store. Neither is retried here: a request that was
/// certainly not executed is reported so, and the router decides. Thread-safe.
/// </summary>
internal sealed class ShardReplica
{
    /// <summary>The delay that a refused caller receives: about the time in which a full queue empties.</summary>
    private static readonly TimeSpan OverloadDelay = TimeSpan.FromMilliseconds(50);

    /// <summary>A tick, or a query to the leader, that takes longer runs during an election or a lost quorum; the next one may succeed.</summary>
    private static readonly TimeSpan RoundPatience = TimeSpan.FromSeconds(2);

    private readonly ShardId _shard;
    private readonly RaftGroup _group;
    private readonly IShardStore _store;
    private readonly TimeProvider _time;
    private readonly SharedRounds<ProposalStatus> _ticks;
    private readonly SharedRounds<bool> _catchUps;
    private readonly ProposalWait _wait;
    private readonly LatencyWindow _writes;
    private readonly RateWindow _readRate;
    private readonly RateWindow _writeRate;

    /// <summary>The state here is at least as new as this moment of the monotonic clock; 0 = unknown. Only grows.</summary>
    private long _asOf;

    public ShardReplica(ShardId shard, RaftGroup group, IShardStore store, LatencyWindow writes, TimeProvider time)
    {
        _writes = writes;
        _shard = shard;
        _group = group;
        _store = store;
        _time = time;
        _ticks = new SharedRounds<ProposalStatus>(TickOnceAsync);
        _catchUps = new SharedRounds<bool>(CatchUpOnceAsync);
        _wait = new ProposalWait(time);
        _readRate = new RateWindow(time);
        _writeRate = new RateWindow(time);
    }

    public ShardId Shard => _shard;

    public RaftGroup Group => _group;

    /// <summary>The last applied index of this replica; any read of it is at least as new as <see cref="BarrierAsync"/> ensured.</summary>
    public IShardStore Store => _store;

    public bool IsLeader => _group.IsLeader;

    /// <summary>
    /// The replica does not answer reads; the leader of the shard does: this node is about to stop, or leaves. Set by <see cref="ShardHost"/>.
    /// </summary>
    public bool IsResting
    {
        get => _isResting;
        set => _isResting = value;
    }

    private volatile bool _isResting;

    /// <summary>Not failed, and not being rebuilt from other replicas.</summary>
    public bool IsRunning => _group.IsRunning;

    /// <summary>The leader in this replica's record; null if it has none.</summary>
    public NodeId? Leader => _group.Leader;

    /// <summary>
    /// The shard's clock now, Unix milliseconds: on the leader the stamp of the next entry, elsewhere a lower bound. It decides when values expire.
    /// </summary>
    public long ClockMs => _group.ClockMs;

    /// <summary>
    /// The state here is at least as new as this moment; only for <see cref="AgeOf"/>. It is taken before the data are read whose age is reported: a catch-up in between would make
    /// them look newer than they are.
    /// </summary>
    public long AsOf => Volatile.Read(ref _asOf);

    /// <summary>Upper bound of how old the state here is: the time since it was last brought up to date; null if it never was.</summary>
    public TimeSpan? Age => AgeOf(AsOf);

    /// <summary>Upper bound of the age, now, of data that were read at or after the moment <see cref="AsOf"/> was this.</summary>
    public TimeSpan? AgeOf(long asOf) => asOf > 0 ? _time.GetElapsedTime(asOf) : null;

    /// <summary>
    /// This process has applied again everything that it may have applied before its start. Before that the state here may lack data that an earlier read has shown, and
    /// only the leader can answer.
    /// </summary>
    public bool IsReplayed => _group.IsReplayed;

    /// <summary>Rate of linearizable reads that were answered here, per second, over the last ten seconds.</summary>
    public double ReadsPerSecond => _readRate.PerSecond;

    /// <summary>Rate of writes that were applied here for a caller, per second, over the last ten seconds.</summary>
    public double WritesPerSecond => _writeRate.PerSecond;

    /// <summary>
    /// Proposes a command and waits until it is applied here; refuses at once if the queue before it is longer than <see cref="ProposalWait"/>
    /// allows or if the wait in it would exceed the deadline.
    /// </summary>
    /// <param name="command">The command.</param>
    /// <param name="weight">Bytes that it changes or returns, if they are more than its own size; see <see cref="RaftGroup.ProposeAsync(ReadOnlyMemory{byte}, int, CancellationToken)"/>.</param>
    /// <param name="deadline">When the caller abandons it.</param>
    /// <param name="cancellationToken">Cancelled at that time.</param>
    public async ValueTask<WriteResult> WriteAsync(ShardCommand command, int weight, Deadline deadline, CancellationToken cancellationToken)
    {
        var bytes = CommandCodec.Encode(command);
        weight = Math.Max(weight, bytes.Length);
        var expected = _wait.Expected(weight);
        if (expected > deadline.Remaining(_time) || expected > ProposalWait.WaitMax)
        {
            return Failure.Overloaded($"the proposal queue of shard {_shard} holds {expected.TotalMilliseconds:0} ms of work, more than {ProposalWait.WaitMax.TotalMilliseconds:0} ms or than the deadline allows; it", expected / 2);
        }

        if (!_wait.HasRoomFor(weight))
        {
            return Failure.Overloaded(
                $"the proposal queue of shard {_shard} holds {_wait.Bytes} bytes, and a write of {weight} bytes waits behind {ProposalWait.LargeBytesMax} at most; it",
                expected > OverloadDelay ? expected / 2 : OverloadDelay);
        }

        var begun = _time.GetTimestamp();
        var place = _wait.Enter(weight);
        ProposalResult result;
        try
        {
            result = await _group.ProposeAsync(bytes, weight, cancellationToken);
        }
        finally
        {
            _wait.Leave(place);
        }

        if (result.Status == ProposalStatus.Applied)
        {
            _wait.Took(place);
            _writeRate.Record();
        }

        // The time of an abandoned proposal counts too.
        if (result.Status is ProposalStatus.Applied or ProposalStatus.Unknown or ProposalStatus.Expired)
        {
            _writes.Record(begun);
        }

        return result.Status switch
        {
            ProposalStatus.Applied => new WriteResult((ShardOutcome)result.Outcome!, result.Position, null),
            ProposalStatus.NotLeader or ProposalStatus.Stopped => NotLeader(result.Leader),
            ProposalStatus.Overloaded => Failure.Overloaded($"the proposal queue of shard {_shard}", OverloadDelay),
            ProposalStatus.Expired => Failure.Deadline(Execution.NotExecuted),
            ProposalStatus.TooLarge => Failure.Invalid("operation", "larger than one log entry may be"),
            ProposalStatus.NoRoom => Failure.LogFull(_shard),
            ProposalStatus.Unknown => cancellationToken.IsCancellationRequested
                ? Failure.Deadline(Execution.Unknown)
                : Failure.OutcomeUnknown(_shard),
            _ => throw new InvalidOperationException($"a proposal answered {result.Status}"),
        };
    }

    /// <summary>Null: a read of <see cref="Store"/> from now on is linearizable. Otherwise the reason why that cannot be proved.</summary>
    public async ValueTask<Failure?> BarrierAsync(CancellationToken cancellationToken)
    {
        try
        {
            var barrier = await _group.ReadBarrierAsync(cancellationToken);
            if (barrier.Status == ReadBarrierStatus.Passed)
            {
                _readRate.Record();
                return null;
            }

            return barrier.Status == ReadBarrierStatus.NotLeader ? NotLeader(barrier.Leader) : Failure.QuorumLost(_shard, Execution.NotExecuted, OverloadDelay);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return Failure.Deadline(Execution.NotExecuted);
        }
    }

    /// <summary>
    /// Proposes, if the store requests it, the command by which time alone changes the shard. All callers that arrive while one is in progress
    /// share the next.
    /// </summary>
    public Task<ProposalStatus> TickAsync() => _ticks.NextAsync();

    /// <summary>
    /// On the leader, for a reader that found a key whose expiry the clock here has passed but no entry has yet: moves the
    /// shard's clock past it by an entry, so that the key is absent for every reader from now on, under any leader. Null: done.
    /// </summary>
    public async ValueTask<Failure?> PassTimeAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await TickAsync().WaitAsync(cancellationToken) switch
            {
                ProposalStatus.Applied => null,
                ProposalStatus.NotLeader or ProposalStatus.Stopped => NotLeader(Leader),
                ProposalStatus.Overloaded => Failure.Overloaded($"the proposal queue of shard {_shard}", OverloadDelay),
                _ => Failure.QuorumLost(_shard, Execution.NotExecuted, OverloadDelay),
            };
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return Failure.Deadline(Execution.NotExecuted);
        }
    }

    /// <summary>Brings the state here up to date with the leader's, and <see cref="Age"/> to the time that took. False: not possible now.</summary>
    public async ValueTask<bool> TryCatchUpAsync(TimeSpan patience)
    {
        try
        {
            return await _catchUps.NextAsync().WaitAsync(patience, _time);
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private async Task<bool> CatchUpOnceAsync()
    {
        var began = _time.GetTimestamp();
        using var patience = new CancellationTokenSource(RoundPatience, _time);
        if (!await _group.TryCatchUpWithLeaderAsync(patience.Token))
        {
            return false;
        }

        Volatile.Write(ref _asOf, began);
        return true;
    }

    private async Task<ProposalStatus> TickOnceAsync()
    {
        if (_store.DueCommand(ClockMs) is not { } command)
        {
            return ProposalStatus.Applied;
        }

        using var patience = new CancellationTokenSource(RoundPatience, _time);
        return (await _group.ProposeAsync(command, patience.Token)).Status;
    }

    /// <summary>A hint without addresses: the router has them, and adds them when the hint goes to a client.</summary>
    private Failure NotLeader(NodeId? leader) =>
        Failure.NotLeader(new RouteHint { Shard = _shard.Value, LeaderNode = leader?.Value ?? "", Term = _group.Term });
}
