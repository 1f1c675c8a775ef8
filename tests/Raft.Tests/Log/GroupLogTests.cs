using KvRaft.Raft.Log;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Log;

/// <summary>Refusals of a group's log, and its edge cases; the rest is in the crash tests.</summary>
public sealed class GroupLogTests
{
    private readonly LogFixture _fixture = new();

    [Fact]
    public async Task Refuses_operations_that_Raft_never_requests()
    {
        await using var log = _fixture.Open();
        var group = log.OpenGroup(LogFixture.Key(1));
        group.SetBallot(3, "a"u8);
        Assert.Throws<ArgumentOutOfRangeException>(() => group.SetBallot(2, default));
        Assert.Throws<InvariantException>(() => group.SetBallot(3, "b"u8));
        Assert.Throws<InvariantException>(() => group.SetBallot(3, default));
        group.SetBallot(3, "a"u8);
        Assert.Throws<ArgumentOutOfRangeException>(() => group.SetBallot(4, new byte[Ballot.VotedForBytesMax + 1]));
        Assert.Equal(new Ballot(3, "a"u8.ToArray()), group.Ballot);

        group.Append(3, LogEntryKind.Command, default);
        Assert.Throws<ArgumentOutOfRangeException>(() => group.Append(2, LogEntryKind.Command, default));
        Assert.Throws<ArgumentOutOfRangeException>(() => group.SetStart(new LogPosition(3, 2)));
        Assert.Throws<ArgumentException>(() => group.SetStart(new LogPosition(2, 1)));
        group.SetStart(new LogPosition(3, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => group.TruncateFrom(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => group.Reset(new LogPosition(0, 0)));
        Assert.Throws<ArgumentOutOfRangeException>(() => group.TermAt(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => group.TermAt(2));
        Assert.Equal(3, group.TermAt(1));
    }

    [Theory]
    [InlineData(0, 5)]
    [InlineData(4, 5)]
    [InlineData(5, 4)]
    [InlineData(16, 4)]
    [InlineData(17, 3)]
    [InlineData(47, 1)]
    [InlineData(1_000, 1)]
    public async Task Finds_where_the_last_entries_of_so_many_bytes_begin(long bytes, long expected)
    {
        await using var log = _fixture.Open();
        var group = log.OpenGroup(LogFixture.Key(1));
        foreach (var length in new[] { 7, 0, 30, 12, 5 })
        {
            group.Append(1, LogEntryKind.Command, new byte[length]);
        }

        group.SetStart(new LogPosition(1, 1));
        Assert.Equal(new LogPosition(1, expected), group.StartOfLast(bytes));
    }

    [Fact]
    public async Task Reads_as_many_entries_as_come_to_so_many_bytes_and_one_in_any_case()
    {
        await using var log = _fixture.Open();
        var group = log.OpenGroup(LogFixture.Key(1));
        int[] lengths = [7, 0, 30, 12, 5];
        foreach (var length in lengths)
        {
            group.Append(1, LogEntryKind.Command, new byte[length]);
        }

        for (var from = 1; from <= lengths.Length; from++)
        {
            for (var bytes = 0; bytes <= lengths.Sum() + 1; bytes++)
            {
                var fitting = Enumerable.Range(1, lengths.Length - from + 1).Last(count => count == 1 || lengths.Skip(from - 1).Take(count).Sum() <= bytes);
                var read = group.ReadSome(from, lengths.Length, bytes);
                Assert.Equal(Enumerable.Range(from, fitting).Select(static index => (long)index), read.Select(static entry => entry.Index));
            }
        }

        Assert.Equal([2, 3], group.ReadSome(2, 3, int.MaxValue).Select(static entry => (int)entry.Index));
    }

    [Fact]
    public async Task Keeps_the_suffix_of_a_checkpoint_it_agrees_with_and_drops_any_other()
    {
        await using var log = _fixture.Open();
        var group = log.OpenGroup(LogFixture.Key(1));
        for (var i = 0; i < 6; i++)
        {
            group.Append(1, LogEntryKind.Command, default);
        }

        group.Reset(new LogPosition(1, 2));
        Assert.Equal((2, 6), (group.Start.Index, group.LastIndex));
        group.Reset(new LogPosition(2, 4));
        Assert.Equal(new LogPosition(2, 4), group.Last);
        Assert.Equal(0, group.DurableIndex);
        log.Pump();
        Assert.Equal(4, group.DurableIndex);
        group.Reset(new LogPosition(3, 90));
        Assert.Equal(91, group.Append(3, LogEntryKind.Command, default));
    }

    [Fact]
    public async Task Accepts_nothing_for_a_dropped_group_and_starts_empty_under_its_key()
    {
        await using var log = _fixture.Open();
        var old = log.OpenGroup(LogFixture.Key(1));
        old.SetBallot(5, default);
        Assert.Same(old, log.OpenGroup(LogFixture.Key(1)));
        var dropped = log.DropGroupAsync(LogFixture.Key(1)).AsTask();
        Assert.Throws<ObjectDisposedException>(() => old.Append(5, LogEntryKind.Command, default));
        var fresh = log.OpenGroup(LogFixture.Key(1));
        fresh.Append(1, LogEntryKind.Command, default);
        log.Pump();
        await dropped;
        await log.DropGroupAsync(LogFixture.Key(9));
        Assert.Equal((1, default), (fresh.LastIndex, fresh.Ballot));
    }

    [Fact]
    public async Task Refuses_changes_after_it_was_closed()
    {
        var log = _fixture.Open();
        var group = log.OpenGroup(LogFixture.Key(1));
        await log.DisposeAsync();
        await log.DisposeAsync();
        Assert.Throws<ObjectDisposedException>(() => group.Append(1, LogEntryKind.Command, default));
        Assert.Equal(0, group.LastIndex);
    }
}
