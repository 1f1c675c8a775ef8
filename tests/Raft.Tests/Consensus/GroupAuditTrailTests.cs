using DotNext.IO.Log;
using DotNext.Net.Cluster;
using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Consensus;
using KvRaft.Raft.Log;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Proposals;
using KvRaft.Storage;
using KvRaft.Topology;
using Microsoft.Extensions.Logging.Abstractions;
using LogEntry = KvRaft.Raft.Log.LogEntry;

namespace KvRaft.Raft.Tests.Consensus;

/// <summary>The adapter as DotNext calls it. The log's writer moves only when the test pumps it, so "not yet on disk" is a state, not a race.</summary>
public sealed class GroupAuditTrailTests : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("kvraft-trail-").FullName;
    private readonly NodeLog _node;
    private readonly GroupLog _log;
    private readonly GroupAuditTrail _trail;
    private int _askedBelowStart;

    public GroupAuditTrailTests()
    {
        _node = NodeLog.Open(
            OsFileSystem.Instance, Path.Combine(_directory, "log"), new LogIdentity(Guid.NewGuid(), new NodeId("n1")),
            new NodeLogOptions { SegmentBytes = 64 << 10, LogBytesMax = 1 << 20, IsManual = true }, NullLogger.Instance);
        _log = _node.OpenGroup(new ReplicaKey(new GroupId(1), 1));
        _trail = new GroupAuditTrail(_log, LogPosition.None, new ApplyProgress(0), Path.Combine(_directory, "shell"), NullLogger.Instance);
        _trail.AskedBelowStart += () => _askedBelowStart++;
    }

    private IPersistentState State => _trail;

    public async ValueTask DisposeAsync()
    {
        _trail.Detach();
        await _trail.DisposeAsync();
        var closing = _node.DisposeAsync();
        await closing;
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task A_follower_answers_only_when_its_entries_are_on_disk()
    {
        var append = ReplicateAsync(1, (1, "a"), (1, "b"));
        Assert.False(append.IsCompleted);

        _node.Pump();
        await append;
        Assert.Equal(2, State.LastEntryIndex);
    }

    [Fact]
    public async Task A_repeated_request_is_answered_only_when_the_first_ones_entries_are_on_disk()
    {
        var first = ReplicateAsync(1, (1, "a"));
        var repeated = ReplicateAsync(1, (1, "a"));
        Assert.False(repeated.IsCompleted);

        _node.Pump();
        await first;
        await repeated;
        Assert.Equal(1, State.LastEntryIndex);
    }

    [Fact]
    public async Task A_leader_with_another_history_is_not_followed_and_the_conflict_is_reported()
    {
        var conflicts = new List<string>();
        _trail.Conflicted += conflicts.Add;
        var append = ReplicateAsync(1, (1, "a"), (1, "b"));
        _node.Pump();
        await append;
        await State.CommitAsync(2);

        await Assert.ThrowsAsync<InvariantException>(() => ReplicateAsync(2, (2, "other")));
        Assert.Contains("Entry 2 is committed here in term 1", Assert.Single(conflicts), StringComparison.Ordinal);
        Assert.Equal(1, _log.TermAt(2));
    }

    [Fact]
    public async Task A_vote_is_answered_only_when_it_is_on_disk()
    {
        var vote = State.UpdateVotedForAsync(Candidate(1)).AsTask();
        Assert.False(vote.IsCompleted);

        _node.Pump();
        await vote;
        Assert.True(State.IsVotedFor(Candidate(1)));
        Assert.False(State.IsVotedFor(Candidate(2)));
    }

    [Fact]
    public async Task A_new_term_clears_the_vote_and_is_answered_only_when_it_is_on_disk()
    {
        await Pumped(State.UpdateVotedForAsync(Candidate(1)).AsTask());

        var term = State.UpdateTermAsync(7, resetLastVote: true).AsTask();
        Assert.False(term.IsCompleted);
        _node.Pump();
        await term;

        Assert.Equal(7, State.Term);
        Assert.True(State.IsVotedFor(Candidate(2)));
        Assert.Equal(8, await Pumped(State.IncrementTermAsync(Candidate(1)).AsTask()));
        Assert.False(State.IsVotedFor(Candidate(2)));
    }

    [Fact]
    public async Task A_late_duplicate_does_not_cut_entries_that_match()
    {
        await Pumped(ReplicateAsync(1, (1, "a"), (1, "b"), (1, "c"), (1, "d")));

        await ReplicateAsync(2, (1, "b"), (1, "c"));

        Assert.Equal(4, State.LastEntryIndex);
    }

    [Fact]
    public async Task A_conflict_cuts_the_suffix_above_the_commit_index()
    {
        await Pumped(ReplicateAsync(1, (1, "a"), (1, "b"), (1, "c")));
        await State.CommitAsync(1);

        await Pumped(ReplicateAsync(2, (2, "x")));

        Assert.Equal(2, State.LastEntryIndex);
        Assert.Equal(2, await TermAsync(2));
    }

    [Fact]
    public async Task Entries_that_may_have_been_applied_before_the_start_are_those_of_the_log_below_any_conflict()
    {
        await Pumped(ReplicateAsync(1, (1, "a"), (1, "b"), (1, "c"), (1, "d")));
        await using var restarted = new GroupAuditTrail(_log, LogPosition.None, new ApplyProgress(0), Path.Combine(_directory, "shell2"), NullLogger.Instance);
        Assert.Equal((0, 4), (_trail.ReplayedUpTo, restarted.ReplayedUpTo));

        // A new leader has the first three and its own fourth.
        await Pumped(((IPersistentState)restarted).UpdateTermAsync(2, resetLastVote: true).AsTask());
        var views = new[] { new LogEntryView(new LogEntry(4, 2, LogEntryKind.NoOp, default)), new LogEntryView(new LogEntry(5, 2, LogEntryKind.NoOp, default)) };
        await Pumped(((IPersistentState)restarted).AppendAsync(new LogEntryProducer<LogEntryView>(views), 4).AsTask());

        Assert.Equal((5, 3), (restarted.LastIndex, restarted.ReplayedUpTo));
        restarted.Detach();
    }

    [Fact]
    public async Task A_conflict_at_the_commit_index_is_an_invariant_violation()
    {
        await Pumped(ReplicateAsync(1, (1, "a"), (1, "b")));
        await State.CommitAsync(2);

        await Assert.ThrowsAsync<InvariantException>(() => ReplicateAsync(2, (2, "x")));
    }

    [Fact]
    public async Task A_leaders_quorum_counts_once_its_own_disk_has_the_entry()
    {
        await LeadAsync();
        Assert.Equal(2, await State.AppendAsync(new ProposedEntry(1, "a"u8.ToArray())));

        await State.CommitAsync(2);
        Assert.Equal(0, State.LastCommittedEntryIndex);

        _node.Pump();
        Assert.Equal(2, State.LastCommittedEntryIndex);
    }

    [Fact]
    public async Task A_quorum_of_an_older_term_is_discarded_with_the_term()
    {
        await LeadAsync();
        await State.AppendAsync(new ProposedEntry(1, "a"u8.ToArray()));
        await State.CommitAsync(2);

        await Pumped(State.UpdateTermAsync(2, resetLastVote: true).AsTask());

        Assert.Equal(0, State.LastCommittedEntryIndex);
    }

    /// <summary>
    /// A proposer that was superseded by an election appends its entry of term 1 after the new leader's entry of term 2. The log would
    /// then look older than it is, and would vote for a candidate without the acknowledged entry of term 2.
    /// </summary>
    [Fact]
    public async Task An_overtaken_proposer_may_not_append_behind_newer_entries()
    {
        await Pumped(State.UpdateTermAsync(2, resetLastVote: true).AsTask());
        await Pumped(ReplicateAsync(1, (2, "new leader's")));

        await Assert.ThrowsAsync<NotLeaderException>(async () => await State.AppendAsync(new ProposedEntry(1, "overtaken"u8.ToArray())));

        Assert.Equal(1, State.LastEntryIndex);
    }

    /// <summary>
    /// Observed with real processes: a leader was paused, its successor raised its term, and a running proposal received that new
    /// term. It took the place of the successor's own entry of that index and term, was kept as a match, and the replicas differed
    /// permanently.
    /// </summary>
    [Fact]
    public async Task A_deposed_leader_appends_nothing_in_its_successors_term()
    {
        await LeadAsync();
        await Pumped(State.UpdateTermAsync(2, resetLastVote: true).AsTask());

        await Assert.ThrowsAsync<NotLeaderException>(async () => await State.AppendAsync(new ProposedEntry(2, "deposed"u8.ToArray())));
        await Assert.ThrowsAsync<NotLeaderException>(async () => await State.AppendAsync(new FirstOfTerm(2)));

        Assert.Equal(1, State.LastEntryIndex);
    }

    [Fact]
    public async Task A_candidate_appends_nothing_before_it_is_elected()
    {
        await Pumped(State.IncrementTermAsync(Candidate(1)).AsTask());

        await Assert.ThrowsAsync<NotLeaderException>(async () => await State.AppendAsync(new ProposedEntry(1, "early"u8.ToArray())));
        Assert.Equal(1, await State.AppendAsync(new FirstOfTerm(1)));
        Assert.Equal(2, await State.AppendAsync(new ProposedEntry(1, "in time"u8.ToArray())));
    }

    /// <summary>
    /// Observed with real processes: a node lost the end of its log without its vote of the present term. The replica was rebuilt, had
    /// to abstain in that term, and stopped permanently because it had voted in it.
    /// </summary>
    [Fact]
    public async Task A_rebuilt_replica_keeps_a_recorded_vote()
    {
        await Pumped(State.UpdateTermAsync(3, resetLastVote: true).AsTask());
        await Pumped(State.UpdateVotedForAsync(Candidate(1)).AsTask());

        _trail.Abstain(3);
        Assert.True(State.IsVotedFor(Candidate(1)));
        Assert.False(State.IsVotedFor(Candidate(2)));

        _trail.Abstain(4);
        Assert.Equal(4, State.Term);
        Assert.False(State.IsVotedFor(Candidate(1)));
        _node.Pump();
    }

    [Fact]
    public async Task Below_its_start_the_log_is_unavailable_and_has_no_terms()
    {
        await Pumped(ReplicateAsync(1, (3, "a"), (3, "b"), (3, "c")));
        await State.CommitAsync(3);
        _log.SetStart(new LogPosition(3, 2));
        _node.Pump();

        await Assert.ThrowsAsync<MemberUnavailableException>(() => EntriesAsync(2, 3));
        Assert.Equal(3, await TermAsync(2));
        Assert.Equal(0, _askedBelowStart);
        Assert.Equal(-1, await TermAsync(1));
        Assert.Equal(1, _askedBelowStart);
        Assert.Equal(["c"], await EntriesAsync(3, 3));
    }

    /// <summary>The start may move between the check and the read: a reader gets the entries or "unavailable", nothing else.</summary>
    [Fact]
    public async Task A_start_that_moves_during_a_read_is_not_an_error()
    {
        const int Last = 2_000;
        await Pumped(ReplicateAsync(1, [.. Enumerable.Range(1, Last).Select(index => (1L, $"{index}"))]));
        await State.CommitAsync(Last);

        var answered = 0;
        var moving = Task.Run(() =>
        {
            for (var index = 1; index < Last; index++)
            {
                _log.SetStart(new LogPosition(1, index));

                // The reader must win sometimes; otherwise, on a busy machine, it may not have started before all is moved.
                var before = Volatile.Read(ref answered);
                if (index % 100 == 0)
                {
                    SpinWait.SpinUntil(() => Volatile.Read(ref answered) > before);
                }
            }
        });
        do
        {
            var from = _log.Start.Index + 1;
            try
            {
                Assert.Equal($"{from}", (await EntriesAsync(from, from))[0]);
                Interlocked.Increment(ref answered);
            }
            catch (MemberUnavailableException)
            {
                Assert.True(_log.Start.Index >= from);
            }
        }
        while (!moving.IsCompleted);
        await moving;
        Assert.True(answered > 0);
        _node.Pump();
    }

    // A follower that crashed between its answer and the leader's next message campaigned with the voters of two changes ago,
    // whose majority need not intersect that of the newest configuration.
    [Fact]
    public async Task Earlier_configurations_are_in_force_before_a_later_one_is_acknowledged()
    {
        using var members = new MemberStorage(Members("members", "n1"), OsFileSystem.Instance);
        _trail.ConfigurationStorage = members;
        var (two, three) = (Configuration("n1", "n2"), Configuration("n1", "n2", "n3"));
        var views = new LogEntryView[]
        {
            new(new LogEntry(1, 1, LogEntryKind.Configuration, two)),
            new(new LogEntry(2, 1, LogEntryKind.NoOp, default)),
            new(new LogEntry(3, 1, LogEntryKind.Configuration, three)),
        };
        Follow(1);
        await Pumped(State.AppendAsync(new LogEntryProducer<LogEntryView>(views), 1).AsTask());

        Assert.Equal(0, _trail.CommitIndex);
        Assert.True(_trail.HasOpenConfiguration);
        Assert.Equal(two, (await File.ReadAllBytesAsync(Path.Combine(_directory, "members")))[sizeof(long)..]);

        byte[] Configuration(params string[] nodes) => File.ReadAllBytes(Members(Guid.NewGuid().ToString(), nodes))[sizeof(long)..];

        string Members(string name, params string[] nodes)
        {
            var file = Path.Combine(_directory, name);
            MemberStorage.WriteFirst(file, new GroupId(1), [.. nodes.Select(node => new GroupVoter(new NodeId(node), 1))], OsFileSystem.Instance);
            return file;
        }
    }

    // Only a full disk was waited for: a lack of descriptors or access while a configuration was saved stopped the replica.
    [Fact]
    public async Task A_configuration_that_the_system_refuses_to_save_is_saved_later()
    {
        var file = Path.Combine(_directory, "members-refused");
        MemberStorage.WriteFirst(file, new GroupId(1), [new GroupVoter(new NodeId("n1"), 1)], OsFileSystem.Instance);
        var next = Path.Combine(_directory, "members-next");
        MemberStorage.WriteFirst(next, new GroupId(1), [new GroupVoter(new NodeId("n1"), 1), new GroupVoter(new NodeId("n2"), 1)], OsFileSystem.Instance);
        var two = (await File.ReadAllBytesAsync(next))[sizeof(long)..];
        using var members = new MemberStorage(file, OsFileSystem.Instance);
        Follow(1);
        _log.Append(1, LogEntryKind.Configuration, two);
        _log.Append(1, LogEntryKind.Configuration, two);
        _node.Pump();
        await using var restarted = new GroupAuditTrail(
            _log, LogPosition.None, new ApplyProgress(0), Path.Combine(_directory, "shell-refused"), Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance)
        {
            ConfigurationStorage = members,
        };

        // .NET reports a directory in the place of a file as refused access.
        Directory.CreateDirectory(file + ".tmp");
        var saving = restarted.SaveEarlierConfigurationsAsync();
        Assert.False(saving.IsCompleted);
        Directory.Delete(file + ".tmp");

        await saving;
        Assert.Equal(two, (await File.ReadAllBytesAsync(file))[sizeof(long)..]);
        restarted.Detach();
    }

    // A replica was killed when its log held a configuration and its member storage did not hold the previous one yet. It had acknowledged nothing, and still campaigned
    // with the voters of two changes ago. Together with a removed voter that was still running, it elected a second leader.
    [Fact]
    public async Task Earlier_configurations_are_in_force_before_a_starting_replica_may_campaign()
    {
        using var members = new MemberStorage(Members("members-at-start", "n1"), OsFileSystem.Instance);
        var (two, three) = (Configuration("n1", "n2"), Configuration("n1", "n2", "n3"));
        Follow(1);
        _log.Append(1, LogEntryKind.Configuration, two);
        _log.Append(1, LogEntryKind.NoOp, default);
        _log.Append(1, LogEntryKind.Configuration, three);
        _node.Pump();
        await using var restarted = new GroupAuditTrail(
            _log, LogPosition.None, new ApplyProgress(0), Path.Combine(_directory, "shell-at-start"), Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance)
        {
            ConfigurationStorage = members,
        };

        await restarted.SaveEarlierConfigurationsAsync();

        Assert.Equal(two, (await File.ReadAllBytesAsync(Path.Combine(_directory, "members-at-start")))[sizeof(long)..]);
        Assert.True(restarted.HasOpenConfiguration);
        restarted.Detach();

        byte[] Configuration(params string[] nodes) => File.ReadAllBytes(Members(Guid.NewGuid().ToString(), nodes))[sizeof(long)..];

        string Members(string name, params string[] nodes)
        {
            var file = Path.Combine(_directory, name);
            MemberStorage.WriteFirst(file, new GroupId(1), [.. nodes.Select(node => new GroupVoter(new NodeId(node), 1))], OsFileSystem.Instance);
            return file;
        }
    }

    [Fact]
    public async Task Pulled_committed_entries_replace_uncommitted_ones_and_raise_the_term_without_a_vote()
    {
        await Pumped(ReplicateAsync(1, (1, "a"), (1, "doomed")));
        await Pumped(_trail.AppendCommittedAsync(
        [
            new LogEntry(1, 1, LogEntryKind.Command, "a"u8.ToArray()),
            new LogEntry(2, 4, LogEntryKind.Command, "b"u8.ToArray()),
            new LogEntry(3, 4, LogEntryKind.Command, "c"u8.ToArray()),
        ]).AsTask());

        Assert.Equal((3, 4), (_trail.CommitIndex, _trail.Term));
        Assert.Equal(["a", "b", "c"], await EntriesAsync(1, 3));
        Assert.True(State.IsVotedFor(Candidate(1)) && State.IsVotedFor(Candidate(2)));
    }

    [Fact]
    public async Task A_snapshot_that_arrives_through_Raft_is_refused() =>
        await Assert.ThrowsAsync<NotSupportedException>(async () => await State.AppendAsync(new Snapshot(), 5));

    private static ClusterMemberId Candidate(byte number) => new(Enumerable.Repeat(number, ClusterMemberId.Size).ToArray());

    /// <summary>Campaigns in term 1 and wins it.</summary>
    private async Task LeadAsync()
    {
        await Pumped(State.IncrementTermAsync(Candidate(1)).AsTask());
        await State.AppendAsync(new FirstOfTerm(1));
    }

    private async Task Pumped(Task task)
    {
        _node.Pump();
        await task;
    }

    private async Task<T> Pumped<T>(Task<T> task)
    {
        _node.Pump();
        return await task;
    }

    private Task ReplicateAsync(long from, params (long Term, string Text)[] entries)
    {
        var views = entries.Select((entry, offset) => new LogEntryView(
            new LogEntry(from + offset, entry.Term, LogEntryKind.Command, System.Text.Encoding.UTF8.GetBytes(entry.Text)))).ToArray();
        Follow(entries.Length == 0 ? 0 : entries.Max(static entry => entry.Term));
        return State.AppendAsync(new LogEntryProducer<LogEntryView>(views), from).AsTask();
    }

    /// <summary>DotNext adopts a leader's term before it passes its entries on. Not awaited: the test decides what is on disk.</summary>
    private void Follow(long term)
    {
        if (term > State.Term)
        {
            _ = State.UpdateTermAsync(term, resetLastVote: true).AsTask();
        }
    }

    private Task<long> TermAsync(long index) => State.ReadAsync(new Terms(), index, index).AsTask();

    private Task<string[]> EntriesAsync(long from, long to) => State.ReadAsync(new Payloads(), from, to).AsTask();

    private sealed class Terms : ILogEntryConsumer<IRaftLogEntry, long>
    {
        bool ILogEntryConsumer<IRaftLogEntry, long>.LogEntryMetadataOnly => true;

        ValueTask<long> ILogEntryConsumer<IRaftLogEntry, long>.ReadAsync<TEntry, TList>(TList entries, long? snapshotIndex, CancellationToken token) =>
            new(entries[0].Term);
    }

    private sealed class Payloads : ILogEntryConsumer<IRaftLogEntry, string[]>
    {
        async ValueTask<string[]> ILogEntryConsumer<IRaftLogEntry, string[]>.ReadAsync<TEntry, TList>(TList entries, long? snapshotIndex, CancellationToken token)
        {
            Assert.Null(snapshotIndex);
            var texts = new List<string>();
            foreach (var entry in entries)
            {
                texts.Add(System.Text.Encoding.UTF8.GetString((await PayloadReader.ReadAsync(entry, token)).Span));
            }

            return [.. texts];
        }
    }

    /// <summary>The entry that DotNext appends as soon as an election is won.</summary>
    private sealed class FirstOfTerm(long term) : IRaftLogEntry
    {
        public long Term { get; } = term;

        bool ILogEntry.IsSnapshot => false;

        bool DotNext.IO.IDataTransferObject.IsReusable => true;

        long? DotNext.IO.IDataTransferObject.Length => 0;

        ValueTask DotNext.IO.IDataTransferObject.WriteToAsync<TWriter>(TWriter writer, CancellationToken token) => default;
    }

    private sealed class Snapshot : IRaftLogEntry
    {
        public long Term => 1;

        bool ILogEntry.IsSnapshot => true;

        bool DotNext.IO.IDataTransferObject.IsReusable => true;

        long? DotNext.IO.IDataTransferObject.Length => 0;

        ValueTask DotNext.IO.IDataTransferObject.WriteToAsync<TWriter>(TWriter writer, CancellationToken token) => default;
    }
}
