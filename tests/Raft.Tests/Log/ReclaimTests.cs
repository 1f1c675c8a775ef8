using KvRaft.Raft.Log;
using KvRaft.Storage;

namespace KvRaft.Raft.Tests.Log;

/// <summary>Which segments are deleted, which groups pin them, and what stays in memory.</summary>
public sealed class ReclaimTests
{
    private readonly LogFixture _fixture = new();

    [Fact]
    public async Task Deletes_segments_once_every_start_has_passed_them()
    {
        await using var log = _fixture.Open();
        var busy = log.OpenGroup(LogFixture.Key(1));
        var cold = log.OpenGroup(LogFixture.Key(2));
        cold.Append(1, LogEntryKind.Command, new byte[10]);
        Fill(log, busy, 20);
        busy.SetStart(busy.Last);
        log.Pump();
        Assert.Contains(Segment.NameOf(1), _fixture.Fs.ListFiles(LogFixture.Directory));

        cold.SetStart(cold.Last);
        log.Pump();
        Assert.DoesNotContain(Segment.NameOf(1), _fixture.Fs.ListFiles(LogFixture.Directory));
        Assert.Equal(1, log.Statistics.Segments);
    }

    [Fact]
    public async Task Keeps_a_segment_while_the_start_that_passed_it_is_not_durable()
    {
        await using var log = _fixture.Open();
        var group = log.OpenGroup(LogFixture.Key(1));
        Fill(log, group, 20);
        group.SetStart(group.Last);
        _fixture.Fs.CutPowerAt(2);
        log.Pump();
        Assert.Contains(Segment.NameOf(1), _fixture.Fs.ListFiles(LogFixture.Directory));
    }

    [Fact]
    public async Task Lets_a_dropped_group_pin_nothing()
    {
        await using var log = _fixture.Open();
        var busy = log.OpenGroup(LogFixture.Key(1));
        log.OpenGroup(LogFixture.Key(2)).Append(1, LogEntryKind.Command, new byte[10]);
        Fill(log, busy, 20);
        busy.SetStart(busy.Last);
        var dropped = log.DropGroupAsync(LogFixture.Key(2)).AsTask();
        log.Pump();
        await dropped;
        Assert.Equal(1, log.Statistics.Segments);
        Assert.False(log.Contains(LogFixture.Key(2)));
    }

    [Fact]
    public async Task Asks_the_group_that_pins_the_log_once_for_each_segment_begun()
    {
        await using var log = _fixture.Open();
        var asked = new List<(ReplicaKey Key, LogPosition Position)>();
        log.Pinned += (key, position) => asked.Add((key, position));
        var cold = log.OpenGroup(LogFixture.Key(1));
        cold.Append(1, LogEntryKind.Command, new byte[10]);
        cold.Append(1, LogEntryKind.Command, new byte[10]);
        var busy = log.OpenGroup(LogFixture.Key(2));
        while (log.Statistics.Segments < 6)
        {
            Fill(log, busy, 1);
            busy.SetStart(busy.Last);
        }

        // The budget is four segments: the fifth and the sixth requested a flush.
        Assert.Equal([(LogFixture.Key(1), new LogPosition(1, 2)), (LogFixture.Key(1), new LogPosition(1, 2))], asked);
        cold.SetStart(new LogPosition(1, 2));
        log.Pump();
        Assert.True(log.Statistics.Segments < 3);
    }

    [Fact]
    public async Task Reads_old_entries_from_the_files_and_keeps_memory_bounded()
    {
        _fixture.Options = _fixture.Options with { TailCacheBytes = 1000, LogBytesMax = 1 << 20 };
        await using var log = _fixture.Open();
        var group = log.OpenGroup(LogFixture.Key(1));
        Fill(log, group, 100);
        Assert.InRange(log.Statistics.CachedBytes, 1, 1000);
        Assert.Equal(Enumerable.Range(1, 100).Select(i => (byte)i), group.Read(1, 100).Select(entry => entry.Payload.Span[0]));
        Assert.InRange(log.Statistics.CachedBytes, 1, 1000);
        Assert.Empty(group.Read(5, 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => group.Read(0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => group.Read(100, 101));
    }

    [Fact]
    public async Task Keeps_unsynced_entries_in_memory_beyond_the_budget()
    {
        _fixture.Options = _fixture.Options with { TailCacheBytes = 0 };
        await using var log = _fixture.Open();
        var group = log.OpenGroup(LogFixture.Key(1));
        group.Append(1, LogEntryKind.Command, new byte[500]);
        Assert.Equal(500, Assert.Single(group.Read(1, 1)).Payload.Length);
        log.Pump();
        Assert.Equal(0, log.Statistics.CachedBytes);
        Assert.Equal(500, Assert.Single(group.Read(1, 1)).Payload.Length);
    }

    [Fact]
    public async Task Gives_an_entry_larger_than_a_segment_one_of_its_own()
    {
        _fixture.Options = _fixture.Options with { PayloadBytesMax = 100_000 };
        var payload = new byte[100_000];
        new Random(1).NextBytes(payload);
        await using (var log = _fixture.Open())
        {
            var group = log.OpenGroup(LogFixture.Key(1));
            group.Append(1, LogEntryKind.Command, payload);
            var refused = Assert.Throws<LogEntryTooLargeException>(() => group.Append(1, LogEntryKind.Command, new byte[100_001]));
            Assert.Equal((100_001, 100_000), (refused.ActualBytes, refused.MaxBytes));
            Assert.Equal(1, group.LastIndex);
        }

        await using var found = _fixture.Open();
        Assert.Equal(payload, Assert.Single(found.OpenGroup(LogFixture.Key(1)).Read(1, 1)).Payload.ToArray());
    }

    private static void Fill(NodeLog log, GroupLog group, int entries)
    {
        for (var i = 1; i <= entries; i++)
        {
            var payload = new byte[200];
            payload[0] = (byte)i;
            group.Append(1, LogEntryKind.Command, payload);
            log.Pump();
        }
    }
}
