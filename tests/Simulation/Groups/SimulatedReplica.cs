using System.Globalization;
using DotNext.Net.Cluster;
using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Catchup;
using KvRaft.Raft.Consensus;
using KvRaft.Raft.Log;
using KvRaft.Raft.Proposals;
using KvRaft.Raft.Reads;
using KvRaft.Simulation.Tests.Log;
using KvRaft.Storage;
using KvRaft.Storage.Engine;
using KvRaft.Storage.Shards;
using KvRaft.Topology;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvRaft.Simulation.Tests.Groups;

/// <summary>
/// One replica of a shard. Its log, ballot, proposals, read rule, sessions and state machine are the store's own. Its disk
/// loses unsynced writes in a crash. In place of DotNext's Raft it has a model (<c>SimulatedReplica.Raft.cs</c>), which calls
/// the same members of the store in the same order. A replica acts only when the run calls it.
/// </summary>
internal sealed partial class SimulatedReplica : IAsyncDisposable
{
    private static readonly ReplicaKey Key = new(new GroupId(1), 1);
    private static readonly LogIdentity Identity = new(Guid.Parse("3d0b7c3e-6a1d-4f0e-8a65-0c9b7f6f2f11"), new NodeId("node"));

    private readonly int _number;
    private readonly SimulatedMembers _members;
    private readonly PostedContinuations _posted = new();
    private readonly GroupBug _bug;
    private readonly Random _chance;
    private readonly Wire _wire;
    private readonly GroupRecord _record;
    private readonly string _directory;
    private readonly IEngineFactory _engines;
    private readonly SimFileSystem _disk = new();
    private readonly List<GroupAuditTrail> _trails = [];
    private readonly List<Proposal> _offered = [];
    private readonly List<Proposal> _underWay = [];
    private readonly List<ReadAttempt> _reads = [];
    private int _starts;
    private int _checkpoints;
    private readonly int _runBytes;
    private readonly TimeSpan _runsLast;

    private NodeLog _node = null!;
    private GroupLog _log = null!;
    private GroupAuditTrail _trail = null!;
    private ApplyProgress _progress = null!;
    private ProposalLedger _proposals = null!;
    private ShardStateMachine _machine = null!;

    public SimulatedReplica(int number, GroupSetup setup, Random chance, Wire wire, GroupRecord record, string directory)
    {
        (_number, _bug, _chance, _wire, _record) = (number, setup.Bug, chance, wire, record);
        (_runBytes, _runsLast) = (setup.RunBytes, setup.RunsLast);
        _members = new SimulatedMembers(number < setup.Voters ? Enumerable.Range(0, setup.Voters).ToHashSet() : new HashSet<int>());
        _directory = Path.Combine(directory, number.ToString(CultureInfo.InvariantCulture));
        _engines = _bug == GroupBug.CheckpointsLackSessions ? new EnginesWithoutSessions() : new InMemoryEngines();
        Start();
    }

    public bool IsUp { get; private set; }

    public bool IsLeader => IsUp && _role == Role.Leader;

    public long Term => _trail.Term;

    /// <summary>The voters that are in force here.</summary>
    public IReadOnlySet<int> Voters => _members.Voters;

    public long VotersVersion => _members.Version;

    public LogPosition Applied => _machine.Applied;

    public LogPosition Last => _log.Last;

    /// <summary>Returns whether the entry is on this disk, or covered by the state before the log start.</summary>
    public bool Holds(long index, long term) => _log.Start.Index >= index || (_log.DurableIndex >= index && _log.TryPositionAt(index)?.Term == term);

    public ulong Digest => _machine.Digest();

    /// <summary>The replica's own clock, Unix milliseconds; its proposals carry this time.</summary>
    public long NowMs { get; set; }

    private IPersistentState State => _trail;

    public ReplicaView View => new(
        _role.ToString().ToLowerInvariant(),
        _writing is not null,
        _asideSince is not null,
        _trail.Term,
        _log.Ballot.VotedFor.IsEmpty ? null : NumberOf(_log.Ballot.VotedFor.Span),
        _log.Start,
        [.. _log.Read(_log.Start.Index + 1, _log.LastIndex)],
        _log.DurableIndex,
        _trail.CommitIndex,
        _machine.Applied.Index,
        [.. Voters.Order()]);

    /// <summary>The index of the next entry that this leader sends to a voter; null: it has no connection to it.</summary>
    public long? NextIndexOf(int peer) => _connections.TryGetValue(peer, out var connection) ? connection.Process.NextIndex : null;

    public override string ToString() => IsUp ? $"{_number}:{_role} term {_trail.Term} log {_log.Start.Index}..{_log.Last} commit {_trail.CommitIndex} applied {_machine.Applied.Index}" : $"{_number}:down";

    // ---- start, crash, disk ----

    public void Start()
    {
        _node = NodeLog.Open(_disk, "/log", Identity, LogOptions(), NullLogger.Instance);
        _log = _node.OpenGroup(Key, isKnownToBeNew: _starts == 0);
        Invariant.Holds(_log.Damage is null, "a disk that lost only unsynced writes was reported as damaged");
        _machine = ShardStateMachine.Open(Path.Combine(_directory, "state"), _engines, ShardSettings.Default);
        if (_starts++ == 0)
        {
            // The record of the log comes first: a state without a log means that the log was lost.
            _log.SetBallot(0, []);
            _node.Pump();
        }

        if (_machine.Applied.Index >= _log.Start.Index && _log.TryPositionAt(_machine.Applied.Index) != _machine.Applied)
        {
            // The replica crashed after it installed a checkpoint and before it reset its log.
            _log.Reset(_machine.Applied);
            _node.Pump();
        }

        _progress = new ApplyProgress(_machine.Applied.Index);
        _trail = new GroupAuditTrail(
            _log, _machine.Applied, _progress, Path.Combine(_directory, string.Create(CultureInfo.InvariantCulture, $"shell-{_starts}")), NullLogger.Instance)
        {
            RunBytesWanted = _runBytes,
            RunsLast = _runsLast,
            Time = new ReplicaTime(() => NowMs),
            CommitWitness = OnCommit,
            ConfigurationStorage = _members,
        };
        _trail.MoreToSend += () =>
        {
            _record.PartialRounds++;
            _isRoundWanted = true;
        };
        _trails.Add(_trail);
        _trail.SaveEarlierConfigurationsAsync().GetAwaiter().GetResult();
        var proposer = new byte[16];
        _chance.NextBytes(proposer);
        _proposals = new ProposalLedger(new Guid(proposer), static () => null);
        BecomeFollower();
        IsUp = true;
    }

    /// <summary>The process crashes, and with it perhaps the machine. Waiting clients receive no answer.</summary>
    public void Crash(bool power)
    {
        IsUp = false;
        StopLeading();
        _trail.Detach();
        (_writing, _then, _mayBeCutOff, _asideSince) = (null, null, false, null);
        _waiting.Clear();
        _offered.Clear();
        _underWay.Clear();
        _reads.Clear();
        if (power)
        {
            _disk.Crash(_chance);
        }
        else
        {
            _disk.KillProcess();
        }
    }

    /// <summary>The power will fail during one of the next calls to the disk.</summary>
    public void CutPowerSoon() => _disk.CutPowerAt(_chance.Next(1, 8));

    /// <summary>Writes and syncs all queued records, and continues the work that waited for them.</summary>
    public void Pump()
    {
        _node.Pump();
        if (_node.Failure.IsFaulted)
        {
            Crash(power: true);
            return;
        }

        if (_writing is { } written)
        {
            var then = _then!;
            (_writing, _then, _mayBeCutOff) = (null, null, false);
            written.GetAwaiter().GetResult();
            AwaitConfigurations();
            then();
        }

        AwaitConfigurations();
        while (IsUp && _writing is null && _waiting.TryDequeue(out var message))
        {
            Handle(message);
        }
    }

    /// <summary>A leader's request breaks off: the replica does not answer it, and the entries that arrived stay in the log, on disk or not yet.</summary>
    public void CutOff()
    {
        if (_mayBeCutOff)
        {
            (_writing, _then, _mayBeCutOff) = (null, null, false);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var trail in _trails)
        {
            await trail.DisposeAsync();
        }

        _machine.Dispose();
    }

    private NodeLogOptions LogOptions()
    {
        const int Segment = NodeLogOptions.SegmentBytesMin * 2;
        return new NodeLogOptions
        {
            IsManual = true,
            SegmentBytes = Segment,
            LogBytesMax = Segment * 8,
            TailCacheBytes = _chance.Next(2) == 0 ? 200 : 1 << 20,
            BatchBytesMax = _chance.Next(2) == 0 ? 300 : 1 << 20,
            PayloadBytesMax = 1500,
            Salt = () => (ulong)_chance.NextInt64(),
        };
    }

    // ---- state machine ----

    /// <summary>Applies some of the committed entries in one call.</summary>
    public void Apply(int most)
    {
        var from = _machine.Applied.Index + 1;
        var to = Math.Min(_trail.CommitIndex, from + most - 1);
        if (from <= to)
        {
            var entries = _log.Read(from, to);
            foreach (var entry in entries)
            {
                _record.Applied(_number, entry);
            }

            var (committed, ids) = CommittedEntries.Decode(entries);
            var outcomes = _machine.Apply(committed);
            for (var i = 0; i < committed.Length; i++)
            {
                _proposals.OnApplied(committed[i].Position, ids[i], outcomes[i]);
            }

            _progress.Advance(to);
        }

        AnswerReads();
    }

    /// <summary>Flushes the state machine and discards log entries that are no longer needed.</summary>
    /// <param name="retained">The number of applied entries that the log keeps.</param>
    public void Flush(int retained)
    {
        if (_bug != GroupBug.DropsUnflushedEntries)
        {
            _machine.Flush();
        }

        var start = (_bug == GroupBug.DropsUnflushedEntries ? _machine.Applied : _machine.Durable).Index - retained;
        if (start > _log.Start.Index && start <= _log.LastIndex)
        {
            _log.SetStart(new LogPosition(_log.TermAt(start), start));
        }
    }

    /// <summary>Installs a checkpoint of another replica if this one cannot continue from the other's log.</summary>
    public bool TryInstallCheckpointOf(SimulatedReplica other)
    {
        if (_writing is not null || !RescueRules.NeedsCopy(_log, other._log.Start) || other._machine.Applied.Index <= _machine.Applied.Index)
        {
            return false;
        }

        var copy = Path.Combine(_directory, string.Create(CultureInfo.InvariantCulture, $"copy-{_checkpoints++}"));
        var position = other._machine.SaveCheckpoint(copy);
        if (position.Index <= _trail.CommitIndex)
        {
            return false;
        }

        _machine.InstallCheckpoint(copy);
        _trail.ResetTo(position);
        _members.CopyFrom(other._members);
        _proposals.OnJumped(position);
        _progress.Advance(position.Index);
        return true;
    }

    /// <summary>Asks a leader to move its next index for this replica, which may be behind the leader's log start.</summary>
    public void RequestNextIndex(SimulatedReplica leader)
    {
        if (leader.IsLeader && _trail.CommitIndex <= leader._log.LastIndex)
        {
            leader.MoveNextIndex(_number, RescueRules.NextIndex(leader._log, _trail.CommitIndex));
        }
    }

    // ---- clients ----

    /// <summary>Adds a command to the next entry. Null: refused, because the replica does not lead.</summary>
    public Proposal? Offer(ReadOnlyMemory<byte> command)
    {
        if (!IsLeader)
        {
            return null;
        }

        var proposal = new Proposal(command, command.Length);
        _offered.Add(proposal);
        return proposal;
    }

    /// <summary>Combines all offered commands into one entry and appends it.</summary>
    public void Propose()
    {
        if (!IsUp || _transfer is { IsHolding: true })
        {
            return;
        }

        var proposals = _offered.Where(static proposal => proposal.TryPropose()).ToList();
        _offered.Clear();
        if (proposals.Count == 0)
        {
            return;
        }

        var batch = _proposals.Begin(proposals, _trail.Term, new ProposalTime(NowMs, IsStep: true));
        try
        {
            if (_role != Role.Leader)
            {
                throw new NotLeaderException();
            }

            State.AppendAsync(batch.Entry).AsTask().GetAwaiter().GetResult();
            _underWay.AddRange(proposals);
        }
        catch (NotLeaderException)
        {
            _proposals.NeverAppended(batch, ProposalStatus.NotLeader);
        }
    }

    /// <summary>Reads the state machine as it is.</summary>
    public string? Value(string key) => GroupOperation.Read(_machine, key);

    /// <summary>Begins a linearizable read. Null: refused, because the replica does not lead.</summary>
    public ReadAttempt? BeginRead(string key)
    {
        if (!IsLeader || PointOfReads() is not { } point)
        {
            return null;
        }

        var read = new ReadAttempt(key, point, Voters) { IsConfirmed = _bug == GroupBug.ReadsWithoutConfirmation };
        read.Confirm(_number);
        _reads.Add(read);
        var round = _record.NextRound(read);
        foreach (var peer in Peers)
        {
            _wire.Send(new TermRequest(_number, peer, point.Term, round));
        }

        return read;
    }

    private ReadPoint? PointOfReads() => _bug switch
    {
        GroupBug.ReadsBeforeFirstCommitOfTerm => ReadPoint.Of(_trail, index => _log.TryPositionAt(index)?.Term) is { } point ? point with { Index = _trail.CommitIndex } : null,
        _ => ReadPoint.Of(_trail, index => _log.TryPositionAt(index)?.Term),
    };

    private void Confirm(TermAnswer answer)
    {
        var read = _record.ReadOf(answer.Round);
        if (!answer.IsConfirmed || !_reads.Contains(read) || read.IsConfirmed || !read.Confirm(answer.From))
        {
            return;
        }

        if (read.Point.StillHolds(_trail))
        {
            read.IsConfirmed = true;
            AnswerReads();
        }
        else
        {
            read.IsRefused = true;
            _reads.Remove(read);
        }
    }

    private void AnswerReads()
    {
        foreach (var read in _reads.Where(read => read.IsConfirmed && _progress.Applied >= read.Point.Index).ToList())
        {
            read.Answer(GroupOperation.Read(_machine, read.Key));
            _reads.Remove(read);
        }
    }

    private static int NumberOf(ReadOnlySpan<byte> id) => id[0] - 1;

    private static ClusterMemberId IdOf(int number) => new(Enumerable.Repeat((byte)(number + 1), ClusterMemberId.Size).ToArray());
}
