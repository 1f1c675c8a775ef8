using KvRaft.Raft.Consensus;
using KvRaft.Raft.Proposals;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Simulation.Tests.Groups;

/// <content>
/// The library's Raft, as far as the store's side of it can tell: one request at a time is dealt with, and the next one waits until what the first has written is on
/// disk; a leader's own entries and its proofs do not wait. (Ongaro and Ousterhout: In Search of an Understandable Consensus Algorithm, 2014, figure 2.)
/// </content>
internal sealed partial class SimulatedReplica
{
    private readonly Queue<Message> _waiting = new();
    private readonly HashSet<int> _votes = [];
    private readonly Dictionary<int, long> _next = [];
    private readonly Dictionary<int, long> _matched = [];
    private Role _role;
    private int _patience;
    private Task? _writing;
    private Action? _then;

    /// <summary>What is being written are a leader's entries, which may stop coming.</summary>
    private bool _mayBeCutOff;

    private enum Role
    {
        Follower,
        Candidate,
        Leader,
    }

    private IEnumerable<int> Peers => Enumerable.Range(0, _nodes).Where(peer => peer != _number);

    /// <summary>Nobody has said for a while that he leads.</summary>
    public bool LosesPatience() => --_patience < 0;

    /// <summary>It wants to lead.</summary>
    public void StandForElection()
    {
        if (_role == Role.Leader || _writing is not null)
        {
            return;
        }

        BePatient();
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

    /// <summary>What each follower lacks, or that there is nothing new.</summary>
    public void Replicate()
    {
        foreach (var peer in Peers)
        {
            // Nothing is sent to whoever needs what the log has forgotten.
            var previous = _next[peer] - 1;
            if (previous >= _log.Start.Index)
            {

                // A run is closed by its bytes; here by chance, so that runs of every length meet logs of every kind.
                var entries = previous < _log.LastIndex ? _log.ReadSome(previous + 1, _log.LastIndex, _chance.Next(2) == 0 ? int.MaxValue : _chance.Next(400)) : [];
                _wire.Send(new AppendRequest(_number, peer, _trail.LeadingTerm, new LogPosition(_log.TermAt(previous), previous), entries, _trail.CommitIndex));
            }
        }
    }

    public void Receive(Message message)
    {
        switch (message)
        {
            // Not part of Raft, and not behind it.
            case TermAsked asked:
                _wire.Send(new TermSaid(_number, asked.From, asked.Round, _trail.Term <= asked.Term));
                break;
            case TermSaid word:
                Hear(word);
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
                BePatient();
                var given = State.UpdateVotedForAsync(candidate).AsTask();
                WhenDurable(_bug == GroupBug.VotesBeforeDisk ? Task.CompletedTask : given, () => Answer(true));
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
            if (_votes.Count > _nodes / 2)
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
        foreach (var peer in Peers)
        {
            (_next[peer], _matched[peer]) = (_log.LastIndex, 0);
        }

        Replicate();
    }

    private void Handle(AppendRequest request)
    {
        if (_trail.Term > request.Term)
        {
            Answer(false, 0);
            return;
        }

        FollowIfLater(request.Term, () =>
        {
            Invariant.Holds(_role != Role.Leader, $"Term {request.Term} has two leaders, {_number} and {request.From}.");
            BecomeFollower();
            BePatient();
            var previous = request.Previous;
            if (previous.Index < _log.Start.Index)
            {
                // Below what it has it knows nothing; it will tell where it stands.
                Answer(false, previous.Index - 1);
            }
            else if (previous.Index > _log.LastIndex || _log.TermAt(previous.Index) != previous.Term)
            {
                Answer(false, Math.Min(previous.Index - 1, _log.LastIndex));
            }
            else if (request.Entries.Count == 0)
            {
                Commit();
            }
            else
            {
                var producer = new DotNext.IO.Log.LogEntryProducer<LogEntryView>([.. request.Entries.Select(static entry => new LogEntryView(entry))]);
                var appended = State.AppendAsync(producer, previous.Index + 1).AsTask();
                WhenDurable(_bug == GroupBug.AnswersBeforeDisk ? Task.CompletedTask : appended, Commit);
                _mayBeCutOff = _writing is not null;
            }
        });

        void Commit()
        {
            // What the leader has committed may lie beyond what it sent, and what this one holds there may come from a deposed one.
            var sent = request.Previous.Index + request.Entries.Count;
            Complete(State.CommitAsync(_bug == GroupBug.CommitsWhatItWasNotSent ? request.CommitIndex : Math.Min(request.CommitIndex, sent)));
            Answer(true, sent);
        }

        void Answer(bool matches, long index) => _wire.Send(new AppendAnswer(_number, request.From, _trail.Term, request.Term, matches, index));
    }

    private void Handle(AppendAnswer answer)
    {
        if (_role != Role.Leader || answer.Asked != _trail.LeadingTerm)
        {
            return;
        }

        if (!answer.Matches)
        {
            _next[answer.From] = Math.Max(_matched[answer.From] + 1, Math.Min(_next[answer.From], answer.Index + 1));
            return;
        }

        _matched[answer.From] = Math.Max(_matched[answer.From], answer.Index);
        _next[answer.From] = Math.Max(_next[answer.From], answer.Index + 1);
        var agreed = Peers.Select(peer => _matched[peer]).Append(_log.LastIndex).OrderDescending().ElementAt(_nodes / 2);
        if (agreed > _trail.CommitIndex && _log.TermAt(agreed) == _trail.LeadingTerm)
        {
            Complete(State.CommitAsync(agreed));
        }
    }

    /// <summary>A later term is taken over, and is on disk before anything else is done. Until then a leader goes on as one.</summary>
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
        if (_role == Role.Leader && _bug == GroupBug.OpenCalledFailed)
        {
            foreach (var proposal in _underWay)
            {
                proposal.Complete(new ProposalResult(ProposalStatus.NotLeader, null, LogPosition.None, null));
            }
        }

        _underWay.Clear();
        _role = Role.Follower;
    }

    private void BePatient() => _patience = _chance.Next(2, 6);

    private void WhenDurable(Task written, Action then)
    {
        if (written.IsCompleted)
        {
            written.GetAwaiter().GetResult();
            then();
        }
        else
        {
            Invariant.Holds(_writing is null, "One request at a time.");
            (_writing, _then, _mayBeCutOff) = (written, then, false);
        }
    }

    private static void Complete(ValueTask<long> done) => done.AsTask().GetAwaiter().GetResult();
}
