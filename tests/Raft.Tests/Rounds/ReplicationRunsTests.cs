using DotNext.IO.Log;
using DotNext.Net.Cluster;
using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Consensus;
using KvRaft.Raft.Log;
using KvRaft.Storage;
using KvRaft.Topology;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using LogEntry = KvRaft.Raft.Log.LogEntry;

namespace KvRaft.Raft.Tests.Rounds;

/// <summary>The entries that a far behind follower receives in one round, and how DotNext may count its answers.</summary>
public sealed class ReplicationRunsTests : IAsyncDisposable
{
    private const int EntryBytes = 100;
    private const int RunEntries = 3;

    private readonly string _directory = Directory.CreateTempSubdirectory("kvraft-runs-").FullName;
    private readonly FakeTimeProvider _time = new();
    private readonly NodeLog _node;
    private readonly GroupLog _log;
    private readonly GroupAuditTrail _trail;
    private int _moreToSend;

    public ReplicationRunsTests()
    {
        _node = NodeLog.Open(
            OsFileSystem.Instance, Path.Combine(_directory, "log"), new LogIdentity(Guid.NewGuid(), new NodeId("n1")),
            new NodeLogOptions { SegmentBytes = 64 << 10, LogBytesMax = 1 << 20, IsManual = true }, NullLogger.Instance);
        _log = _node.OpenGroup(new ReplicaKey(new GroupId(1), 1));
        _trail = new GroupAuditTrail(_log, LogPosition.None, new ApplyProgress(0), Path.Combine(_directory, "shell"), NullLogger.Instance)
        {
            RunBytesWanted = EntryBytes * RunEntries,
            Time = _time,
        };
        _trail.MoreToSend += () => _moreToSend++;
    }

    private IPersistentState State => _trail;

    public async ValueTask DisposeAsync()
    {
        _trail.Detach();
        await _trail.DisposeAsync();
        await _node.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task A_follower_is_sent_run_after_run_and_the_answer_to_the_last_one_counts()
    {
        await AppendAsync(term: 1, count: 11);
        var follower = new Follower(2);

        var answer = await State.ReadAsync(follower, 2, 11);

        Assert.Equal(["2-4", "5-7", "8-10", "11-11"], follower.Runs);
        Assert.Equal(HeartbeatResult.ReplicatedWithLeaderTerm, answer.Value.Result);
        Assert.Equal(0, _moreToSend);
    }

    [Fact]
    public async Task Entries_that_fit_one_run_are_sent_in_one_run()
    {
        await AppendAsync(term: 1, count: 11);
        var follower = new Follower(9);

        await State.ReadAsync(follower, 9, 11);

        Assert.Equal(["9-11"], follower.Runs);
    }

    [Fact]
    public async Task When_the_round_has_lasted_long_enough_the_answer_to_a_part_of_it_does_not_count()
    {
        await AppendAsync(term: 1, count: 11);
        var follower = new Follower(2) { Answering = run => { _time.Advance(_trail.RunsLast / 2); return HeartbeatResult.ReplicatedWithLeaderTerm; } };

        var answer = await State.ReadAsync(follower, 2, 11);

        Assert.Equal(["2-4", "5-7"], follower.Runs);
        Assert.Equal(HeartbeatResult.Replicated, answer.Value.Result);
        Assert.Equal(1, _moreToSend);
    }

    /// <summary>DotNext puts the term before the first run into every request of the round.</summary>
    [Fact]
    public async Task A_run_behind_an_entry_of_another_term_waits_for_the_next_round()
    {
        await AppendAsync(term: 1, count: 3);
        await AppendAsync(term: 2, count: 8);
        var follower = new Follower(2);

        var first = await State.ReadAsync(follower, 2, 11);
        var second = await State.ReadAsync(follower, 5, 11);

        Assert.Equal(["2-4", "5-7", "8-10", "11-11"], follower.Runs);
        Assert.Equal((HeartbeatResult.Replicated, HeartbeatResult.ReplicatedWithLeaderTerm), (first.Value.Result, second.Value.Result));
    }

    [Fact]
    public async Task A_refusal_ends_the_round_for_the_follower_and_is_passed_on()
    {
        await AppendAsync(term: 1, count: 11);
        var follower = new Follower(2) { Answering = static run => run == "5-7" ? HeartbeatResult.Rejected : HeartbeatResult.ReplicatedWithLeaderTerm };

        var answer = await State.ReadAsync(follower, 2, 11);

        Assert.Equal(["2-4", "5-7"], follower.Runs);
        Assert.Equal((HeartbeatResult.Rejected, 0), (answer.Value.Result, _moreToSend));
    }

    [Fact]
    public async Task Entries_read_after_another_term_began_are_not_sent()
    {
        await AppendAsync(term: 1, count: 11);
        var follower = new Follower(2)
        {
            Answering = run =>
            {
                _ = State.UpdateTermAsync(5, resetLastVote: true).AsTask();
                return HeartbeatResult.ReplicatedWithLeaderTerm;
            },
        };

        var answer = await State.ReadAsync(follower, 2, 11);

        Assert.Equal(["2-4"], follower.Runs);
        Assert.Equal(HeartbeatResult.Replicated, answer.Value.Result);
    }

    [Fact]
    public async Task A_log_that_discards_entries_of_a_round_ends_the_round_without_counting()
    {
        await AppendAsync(term: 1, count: 11);
        var follower = new Follower(2)
        {
            Answering = run =>
            {
                _log.SetStart(new LogPosition(1, 8));
                return HeartbeatResult.ReplicatedWithLeaderTerm;
            },
        };

        var answer = await State.ReadAsync(follower, 2, 11);

        Assert.Equal(["2-4"], follower.Runs);
        Assert.Equal(HeartbeatResult.Replicated, answer.Value.Result);
    }

    private async Task AppendAsync(long term, int count)
    {
        var first = _log.LastIndex + 1;
        var views = Enumerable.Range(0, count).Select(offset => new LogEntryView(new LogEntry(first + offset, term, LogEntryKind.Command, new byte[EntryBytes])));
        if (_trail.Term < term)
        {
            await Pumped(State.UpdateTermAsync(term, resetLastVote: true).AsTask());
        }

        await Pumped(State.AppendAsync(new LogEntryProducer<LogEntryView>([.. views]), first).AsTask());
    }

    private async Task Pumped(Task task)
    {
        _node.Pump();
        await task;
    }

    /// <summary>Replaces DotNext's replication process and the follower behind it. Entries carry no index; they are counted from the first one on.</summary>
    private sealed class Follower(long next) : ILogEntryConsumer<IRaftLogEntry, Result<ReplicationStatus>>
    {
        private long _next = next;

        public List<string> Runs { get; } = [];

        public Func<string, HeartbeatResult> Answering { get; init; } = static _ => HeartbeatResult.ReplicatedWithLeaderTerm;

        async ValueTask<Result<ReplicationStatus>> ILogEntryConsumer<IRaftLogEntry, Result<ReplicationStatus>>.ReadAsync<TEntry, TList>(
            TList entries, long? snapshotIndex, CancellationToken token)
        {
            await Task.Yield();
            var run = $"{_next}-{_next + entries.Count - 1}";
            _next += entries.Count;
            Runs.Add(run);
            return new Result<ReplicationStatus> { Term = 1, Value = new ReplicationStatus { Result = Answering(run), LastIndex = _next - 1 } };
        }
    }
}
