using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Consensus;
using KvRaft.Raft.Log;
using KvRaft.Raft.Proposals;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Simulation.Tests.Groups;

/// <content>
/// A model of DotNext's Raft, as far as the store's code can observe it. A replica handles one request at a time, and the next one waits until the records of the first are on
/// disk. A leader's own entries and its quorum confirmations do not wait. (Ongaro and Ousterhout: In Search of an Understandable Consensus Algorithm, 2014, figure 2.)
/// Rounds are DotNext's: one after the other, decided by the first answers that suffice (<see cref="LeaderRound"/>, <see cref="ReplicationProcess"/>), with the voters in
/// force at the beginning of the round. A change of the voters is an entry, and takes effect when it is committed.
/// </content>
internal sealed partial class SimulatedReplica
{
    private readonly Queue<Message> _waiting = new();
    private readonly HashSet<int> _votes = [];
    private readonly SortedDictionary<int, Connection> _connections = [];
    private LeaderRound? _round;

    /// <summary>The last round of this leadership that had a majority.</summary>
    private LeaderRound? _decided;

    /// <summary>The rounds of this leadership that committed entries, in order. An entry is committed by the first one that covers it, also if the leader's own disk writes it later.</summary>
    private readonly List<LeaderRound> _committing = [];

    /// <summary>The next round begins as soon as this one is over.</summary>
    private bool _isRoundWanted;
    private bool _isSending;
    private bool _hasVoted;
    private long _requests;
    private Role _role;
    private int _ticksToElection;
    private Task? _writing;
    private Action? _then;

    /// <summary>DotNext's request timeout.</summary>
    private const long RequestTimeoutMs = 150;

    /// <summary>The pending write holds entries of a leader whose request may break off.</summary>
    private bool _mayBeCutOff;

    private enum Role
    {
        Follower,
        Candidate,
        Leader,
    }

    /// <summary>A request waits for the disk.</summary>
    public bool IsWriting => IsUp && _writing is not null;

    private IEnumerable<int> Peers => Voters.Order().Where(peer => peer != _number);

    /// <summary>Counts down one tick without a message of a leader. True: the election timeout has passed.</summary>
    public bool TickElectionTimer()
    {
        if (--_ticksToElection >= 0)
        {
            return false;
        }

        _asideSince = null;
        return true;
    }

    /// <summary>Returns and clears whether the replica has granted a vote since the last call.</summary>
    public bool TakeHasVoted()
    {
        var has = _hasVoted;
        _hasVoted = false;
        return has;
    }

    public bool CanCampaign => IsUp && _role != Role.Leader && _asideSince is null && _writing is null && Voters.Contains(_number);

    /// <summary>Becomes a candidate in the next term and requests votes.</summary>
    public void Campaign()
    {
        if (!CanCampaign)
        {
            return;
        }

        ResetElectionTimer();
        WhenDurable(State.IncrementTermAsync(IdOf(_number)).AsTask(), () =>
        {
            _role = Role.Candidate;
            _votes.Clear();
            _votes.Add(_number);
            foreach (var peer in Peers)
            {
                _wire.Send(new VoteRequest(_number, peer, _trail.Term, _log.Last));
            }
        });
    }

    /// <summary>Begins a round that sends each follower the entries it lacks, or a heartbeat.</summary>
    public void Replicate()
    {
        foreach (var connection in _connections.Values.ToArray())
        {
            connection.Process.GiveUpAfter(RequestTimeoutMs);
        }

        _isRoundWanted = _role == Role.Leader;
        BeginRoundIfWanted();
    }

    /// <summary>One interval of the leader's timer or of a follower's election timer. True: the election timeout has passed, and the replica campaigns.</summary>
    public bool Tick()
    {
        if (_role == Role.Leader)
        {
            Replicate();
            AskTarget();
        }
        else if (TickElectionTimer())
        {
            Campaign();
            return true;
        }

        return false;
    }

    /// <summary>Adds or removes a voter if the previous change is in force and a round has passed since (<c>GroupMembership</c>).</summary>
    public bool TryChangeVoters(int replica)
    {
        if (_role != Role.Leader || _trail.HasOpenConfiguration || _decided is not { } round || !round.Voters.SetEquals(Voters)
            || _log.TryPositionAt(_trail.CommitIndex)?.Term != _trail.LeadingTerm)
        {
            return false;
        }

        try
        {
            var voters = Voters.Contains(replica) ? Voters.Where(voter => voter != replica) : Voters.Append(replica);
            Complete(State.AppendAsync(new ConfigurationOfGroup(_trail.LeadingTerm, SimulatedMembers.Encode(voters))));
            return true;
        }
        catch (NotLeaderException)
        {
            return false;
        }
    }

    private void MoveNextIndex(int peer, long index)
    {
        if (_connections.TryGetValue(peer, out var connection))
        {
            connection.Process.MoveNextIndex(index);
        }
    }

    /// <summary>
    /// A leader underestimates the length of its followers' logs. DotNext does not do so, but Raft allows it, which is why src/Raft/Consensus/MemberInternals.cs may change a next index: a
    /// follower must not commit what its log holds beyond the entries of a request.
    /// </summary>
    public void MoveNextIndexesBack()
    {
        foreach (var connection in _connections.Values)
        {
            connection.Process.MoveNextIndexBack(_chance.NextInt64(_log.Start.Index + 1, _log.LastIndex + 2));
        }
    }

    private void BeginRoundIfWanted()
    {
        while (_isRoundWanted && _role == Role.Leader && _round is null && !_isSending)
        {
            _isRoundWanted = false;
            BeginRound();
        }
    }

    private void BeginRound()
    {
        var voters = Voters;
        foreach (var removed in _connections.Keys.Where(peer => !voters.Contains(peer)).ToArray())
        {
            _connections[removed].Process.Stop(isRemoved: true);
            _connections.Remove(removed);
        }

        foreach (var added in Peers.Where(peer => !_connections.ContainsKey(peer)).ToArray())
        {
            _connections[added] = new Connection(this, added);
        }

        var round = _round = new LeaderRound(voters, _log.LastIndex);
        if (voters.Contains(_number))
        {
            round.Add(round.Checkpoint);
        }

        _isSending = true;
        foreach (var connection in _connections.Values.ToArray())
        {
            connection.Process.Replicate(round);
        }

        _isSending = false;
        DecideRound();
    }

    private void DecideRound()
    {
        if (_isSending || _round is not { IsOver: true } round)
        {
            return;
        }

        _round = null;
        if (!round.HasConsensus)
        {
            // A leader without a majority steps down, in the same term.
            BecomeFollower();
            return;
        }

        _decided = round;
        if (round.CommitIndex > _trail.CommitIndex)
        {
            _committing.Add(round);
            Complete(State.CommitAsync(round.CommitIndex));
            AwaitConfigurations();
        }

        BeginRoundIfWanted();
    }

    /// <summary>The invariant of every commit: a majority of the voters of the round holds the entry on disk.</summary>
    private void OnCommit(long index)
    {
        if (_role == Role.Leader && _committing.Find(round => round.CommitIndex >= index) is { } round)
        {
            _record.Committed(_number, new LogPosition(_log.TermAt(index), index), round.Voters);
        }
    }

    public void Receive(Message message)
    {
        switch (message)
        {
            // Quorum confirmations are not part of DotNext's Raft and do not wait for its requests.
            case TermRequest asked:
                _wire.Send(new TermAnswer(_number, asked.From, asked.Round, _trail.Term <= asked.Term));
                break;
            case TermAnswer answer:
                Confirm(answer);
                break;
            case StatusRequest request:
                Handle(request);
                break;
            case StatusAnswer answer:
                Handle(answer);
                break;
            case StandAsideRequest request:
                Handle(request);
                break;
            default:
                if (_writing is null)
                {
                    Handle(message);
                }
                else
                {
                    _waiting.Enqueue(message);
                }

                break;
        }
    }

    private void Handle(Message message)
    {
        switch (message)
        {
            case VoteRequest request:
                Handle(request);
                break;
            case VoteAnswer answer:
                FollowIfLater(answer.Term, () => Handle(answer));
                break;
            case AppendRequest request:
                Handle(request);
                break;
            case AppendAnswer answer:
                FollowIfLater(answer.Term, () => Handle(answer));
                break;
            case CampaignRequest:
                Campaign();
                break;
        }
    }

    private void Handle(VoteRequest request)
    {
        if (_trail.Term > request.Term || (_trail.Term == request.Term && _role != Role.Follower))
        {
            Answer(false);
            return;
        }

        FollowIfLater(request.Term, () =>
        {
            var last = _log.Last;
            var isUpToDate = request.Last.Term > last.Term || (request.Last.Term == last.Term && request.Last.Index >= last.Index);
            var candidate = IdOf(request.From);
            if (isUpToDate && State.IsVotedFor(candidate))
            {
                ResetElectionTimer();
                var given = State.UpdateVotedForAsync(candidate).AsTask();
                WhenDurable(_bug == GroupBug.VotesBeforeDisk ? Task.CompletedTask : given, () =>
                {
                    _hasVoted = true;
                    Answer(true);
                });
            }
            else
            {
                Answer(false);
            }
        });

        void Answer(bool granted) => _wire.Send(new VoteAnswer(_number, request.From, _trail.Term, request.Term, granted));
    }

    private void Handle(VoteAnswer answer)
    {
        if (_role == Role.Candidate && answer.Granted && answer.Asked == _trail.Term)
        {
            _votes.Add(answer.From);
            if (_votes.Count(Voters.Contains) > Voters.Count / 2)
            {
                Lead();
            }
        }
    }

    private void Lead()
    {
        _role = Role.Leader;
        _record.Elected(_trail.Term, _number);
        State.AppendAsync(new FirstOfTerm(_trail.Term)).AsTask().GetAwaiter().GetResult();
        Replicate();
    }

    private void Handle(AppendRequest request)
    {
        if (_trail.Term > request.Term)
        {
            Answer(HeartbeatResult.Rejected);
            return;
        }

        FollowIfLater(request.Term, () =>
        {
            Invariant.Holds(_role != Role.Leader, $"Term {request.Term} has two leaders, {_number} and {request.From}.");
            BecomeFollower();
            ResetElectionTimer();
            _asideSince = request.Term > _asideSince ? null : _asideSince;
            var previous = request.Previous;
            if (_log.TryPositionAt(previous.Index)?.Term != previous.Term)
            {
                Answer(HeartbeatResult.Rejected);
                return;
            }

            // A heartbeat without entries also waits for the records that are pending.
            var producer = new DotNext.IO.Log.LogEntryProducer<LogEntryView>([.. request.Entries.Select(static entry => new LogEntryView(entry))]);
            var appended = _posted.Run(() => State.AppendAsync(producer, previous.Index + 1).AsTask());
            WhenDurable(_bug == GroupBug.AnswersBeforeDisk ? Task.CompletedTask : appended, Commit);
            _mayBeCutOff = _writing is not null;
        });

        void Commit()
        {
            // The leader's commit index may be beyond the entries of the request, and this log may hold entries of a deposed leader there.
            var sent = request.Previous.Index + request.Entries.Count;
            Complete(State.CommitAsync(_bug == GroupBug.CommitsBeyondRequest ? request.CommitIndex : Math.Min(request.CommitIndex, sent)));
            AwaitConfigurations();
            var isOfLeader = request.Entries.Any(entry => entry.Term == request.Term) || (request.Entries.Count == 0 && request.Previous.Term == request.Term);
            Answer(isOfLeader ? HeartbeatResult.ReplicatedWithLeaderTerm : HeartbeatResult.Replicated);
        }

        void Answer(HeartbeatResult result) => _wire.Send(new AppendAnswer(_number, request.From, request.Request, _trail.Term, result, _log.LastIndex));
    }

    private void Handle(AppendAnswer answer)
    {
        if (_role == Role.Leader && _connections.TryGetValue(answer.From, out var connection) && connection.Request == answer.Request)
        {
            connection.Process.Receive(answer.Result, answer.Term, answer.LastIndex);
        }
    }

    /// <summary>Adopts a higher term, which is on disk before the message is handled. Until then a leader continues to lead.</summary>
    private void FollowIfLater(long term, Action then)
    {
        if (term <= _trail.Term)
        {
            then();
            return;
        }

        WhenDurable(State.UpdateTermAsync(term, resetLastVote: true).AsTask(), () =>
        {
            BecomeFollower();
            then();
        });
    }

    private void BecomeFollower()
    {
        if (_role == Role.Leader && _bug == GroupBug.ReportsUnknownAsFailed)
        {
            foreach (var proposal in _underWay)
            {
                proposal.Complete(new ProposalResult(ProposalStatus.NotLeader, null, LogPosition.None, null));
            }
        }

        _underWay.Clear();
        StopLeading();
        _role = Role.Follower;
    }

    private void StopLeading()
    {
        foreach (var connection in _connections.Values)
        {
            connection.Process.Stop(isRemoved: false);
        }

        _connections.Clear();
        (_round, _decided, _isRoundWanted, _transfer) = (null, null, false, null);
        _committing.Clear();
    }

    private void ResetElectionTimer() => _ticksToElection = _chance.Next(5, 10);

    private void WhenDurable(Task written, Action then)
    {
        if (written.IsCompleted)
        {
            written.GetAwaiter().GetResult();
            then();
        }
        else
        {
            Invariant.Holds(_writing is null, "A replica handles one request at a time.");
            (_writing, _then, _mayBeCutOff) = (written, then, false);
        }
    }

    private static void Complete(ValueTask<long> done) => done.AsTask().GetAwaiter().GetResult();

    /// <summary>Another thread saves a committed configuration; the simulation waits until it is in force.</summary>
    private void AwaitConfigurations() => _trail.ConfigurationsSaved.GetAwaiter().GetResult();

    private sealed class Connection : ReplicationProcess.ILink
    {
        private readonly SimulatedReplica _leader;
        private readonly int _peer;

        public Connection(SimulatedReplica leader, int peer)
        {
            (_leader, _peer) = (leader, peer);
            Process = new ReplicationProcess(
                leader._trail, leader._log.LastIndex + 1, leader._bug == GroupBug.CountsPartialAnswers, this);
        }

        public ReplicationProcess Process { get; }

        /// <summary>The request that waits for its answer. Answers to earlier requests are ignored.</summary>
        public long Request { get; private set; }

        public long NowMs => _leader.NowMs;

        public void Send(LogPosition previous, IReadOnlyList<LogEntry> entries)
        {
            Request = ++_leader._requests;
            _leader._wire.Send(new AppendRequest(_leader._number, _peer, Request, _leader._trail.LeadingTerm, previous, entries, _leader._trail.CommitIndex));
        }

        public void Answered(LeaderRound round) => _leader.DecideRound();

        public void Failed(Exception error) => _leader._record.Failed(error);
    }
}
