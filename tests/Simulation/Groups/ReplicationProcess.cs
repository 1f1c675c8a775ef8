using DotNext.IO.Log;
using DotNext.Net.Cluster;
using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Consensus;
using KvRaft.Raft.Log;
using KvRaft.Raft.Tests.Rounds;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Simulation.Tests.Groups;

/// <summary>
/// DotNext's process of the same name: for one round after the other, it sends a follower the entries that the leader's log returns, one request at a time. The log is read through
/// <see cref="GroupAuditTrail"/>, so the runs of entries and the rule of <see cref="ReplicationAnswer"/> are the store's own code. All of it runs on the
/// simulation's thread: an answer completes the task that waits for it.
/// </summary>
internal sealed class ReplicationProcess(GroupAuditTrail trail, long nextIndex, bool countsPartialAnswers, ReplicationProcess.ILink link)
    : ILogEntryConsumer<IRaftLogEntry, Result<ReplicationStatus>>
{
    /// <summary>DotNext's default (MaxReplicationLag).</summary>
    private const int RoundsMax = 16;

    private readonly Queue<LeaderRound> _rounds = new();
    private TaskCompletionSource<Result<ReplicationStatus>>? _answer;
    private LeaderRound? _current;
    private Result<ReplicationStatus> _lastAnswer;
    private long _index;
    private long _precedingTerm;
    private long _sentAtMs;
    private bool _isStopped;

    public interface ILink
    {
        long NowMs { get; }

        void Send(LogPosition previous, IReadOnlyList<LogEntry> entries);

        /// <summary>A round that was not over has received one more answer.</summary>
        void Answered(LeaderRound round);

        void Failed(Exception error);
    }

    public long NextIndex { get; private set; } = nextIndex;

    /// <summary>Moves the next index forward, at the request of a replica that was behind the log start.</summary>
    public void MoveNextIndex(long index) => NextIndex = Math.Max(NextIndex, index);

    /// <summary>Moves the next index back. The next index is an estimate; one that is too low costs messages and nothing else.</summary>
    public void MoveNextIndexBack(long index) => NextIndex = Math.Min(NextIndex, index);

    public void Replicate(LeaderRound round)
    {
        if (_rounds.Count >= RoundsMax)
        {
            round.Add(null);
        }
        else
        {
            _rounds.Enqueue(round);
            Continue();
        }
    }

    public void Receive(HeartbeatResult result, long answerTerm, long lastIndex)
    {
        if (_answer is { } answer)
        {
            _answer = null;
            _lastAnswer = new Result<ReplicationStatus> { Term = answerTerm, Value = new ReplicationStatus { Result = result, LastIndex = lastIndex } };
            answer.SetResult(_lastAnswer);
        }
    }

    /// <summary>Fails the open request if its answer takes longer than this.</summary>
    public void GiveUpAfter(long milliseconds)
    {
        if (_answer is { } answer && link.NowMs - _sentAtMs > milliseconds)
        {
            _answer = null;
            answer.SetException(new MemberUnavailableException(null!, "The request timed out."));
        }
    }

    /// <summary>The replica has stopped leading, or the follower is not a voter any more. In the second case the rounds that wait for the follower count it as unavailable.</summary>
    public void Stop(bool isRemoved)
    {
        _isStopped = true;
        _answer = null;
        foreach (var round in isRemoved ? [.. _rounds, .. _current is { } current ? new[] { current } : []] : Array.Empty<LeaderRound>())
        {
            round.Add(null);
        }
    }

    ValueTask<Result<ReplicationStatus>> ILogEntryConsumer<IRaftLogEntry, Result<ReplicationStatus>>.ReadAsync<TEntry, TList>(
        TList entries, long? snapshotIndex, CancellationToken token)
    {
        Invariant.Holds(snapshotIndex is null, "The log returned a snapshot.");
        var run = new LogEntry[entries.Count];
        for (var i = 0; i < run.Length; i++)
        {
            IRaftLogEntry entry = entries[i];
            var isRead = entry.TryGetMemory(out var payload);
            Invariant.Holds(isRead, "An entry of the log is in memory.");
            run[i] = new LogEntry(
                _index + 1 + i, entry.Term, entry.IsConfiguration ? LogEntryKind.Configuration : payload.IsEmpty ? LogEntryKind.NoOp : LogEntryKind.Command, payload);
        }

        // Every request of the round carries the term before its first run, as in DotNext.
        var previous = new LogPosition(_precedingTerm, _index);
        _index += run.Length;
        _sentAtMs = link.NowMs;
        _answer = new TaskCompletionSource<Result<ReplicationStatus>>();
        link.Send(previous, run);
        return new(_answer.Task);
    }

    private void Continue()
    {
        if (_current is null && _rounds.TryDequeue(out _current))
        {
            _ = RunAsync(_current);
        }
    }

    private async Task RunAsync(LeaderRound round)
    {
        try
        {
            var index = await ReplicateAsync(round).ConfigureAwait(false);
            if (_isStopped)
            {
                return;
            }

            var wasOver = round.IsOver;
            round.Add(index);
            _current = null;
            if (!wasOver)
            {
                link.Answered(round);
            }

            if (!_isStopped)
            {
                Continue();
            }
        }
        catch (Exception error)
        {
            link.Failed(error);
        }
    }

    private async Task<long?> ReplicateAsync(LeaderRound round)
    {
        try
        {
            IPersistentState state = trail;
            _index = NextIndex - 1;
            _precedingTerm = await state.ReadAsync(new TermReader(), _index, _index).ConfigureAwait(false);
            var passed = await state.ReadAsync(this, _index + 1, round.Checkpoint).ConfigureAwait(false);
            return IndexOf(countsPartialAnswers ? _lastAnswer : passed);
        }
        catch (MemberUnavailableException)
        {
            return null;
        }
    }

    private long IndexOf(Result<ReplicationStatus> answer)
    {
        NextIndex = answer.Value.Result is HeartbeatResult.Replicated or HeartbeatResult.ReplicatedWithLeaderTerm
            ? _index + 1
            : Math.Min(NextIndex - 1, answer.Value.LastIndex + 1);
        return ReplicationRound.IndexOf(answer, _index);
    }

    private sealed class TermReader : ILogEntryConsumer<IRaftLogEntry, long>
    {
        bool ILogEntryConsumer<IRaftLogEntry, long>.LogEntryMetadataOnly => true;

        ValueTask<long> ILogEntryConsumer<IRaftLogEntry, long>.ReadAsync<TEntry, TList>(TList entries, long? snapshotIndex, CancellationToken token) => new(entries[0].Term);
    }
}
