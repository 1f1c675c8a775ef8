using KvRaft.Raft.Log;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Log;

/// <summary>What a start refuses, truncates, and reports.</summary>
public sealed class OpeningTests
{
    private readonly LogFixture _fixture = new();

    [Fact]
    public async Task Refuses_the_files_of_another_node()
    {
        await FillAsync();
        var other = LogFixture.Identity with { Node = new NodeId("node-2") };
        Assert.Contains("belongs to node 'node-1'", Assert.Throws<LogOpenException>(() => _fixture.Open(other)).Message, StringComparison.Ordinal);
        var elsewhere = LogFixture.Identity with { ClusterId = Guid.Empty };
        Assert.Throws<LogOpenException>(() => _fixture.Open(elsewhere));
    }

    [Fact]
    public async Task Refuses_another_version_of_the_format()
    {
        await FillAsync();
        _fixture.Fs.Corrupt(LogFixture.PathOf(1), bytes =>
        {
            bytes[8] = 2;
            var register = Crc32C.Append(~0u, bytes.AsSpan(0, 12));
            BitConverter.TryWriteBytes(bytes.AsSpan(12), ~Crc32C.Append(register, bytes.AsSpan(16, SegmentHeader.Bytes - 16)));
            return bytes;
        });
        Assert.Contains("version 2", Assert.Throws<LogOpenException>(() => _fixture.Open()).Message, StringComparison.Ordinal);
    }

    /// <summary>Segments gone, beside a durable mark and without one; a damaged or empty only segment. The second start finds a sound log, and must remember.</summary>
    [Theory]
    [InlineData("segments")]
    [InlineData("everything")]
    [InlineData("header")]
    [InlineData("content")]
    public async Task A_lost_log_begins_anew_and_never_trusts_a_replica_that_it_does_not_know(string lost)
    {
        await FillAsync();
        switch (lost)
        {
            case "header":
                _fixture.Fs.Remove(LogFixture.PathOf(2));
                _fixture.Fs.Corrupt(LogFixture.PathOf(1), static bytes => [.. bytes.AsSpan(0, 8), (byte)(bytes[8] ^ 1), .. bytes.AsSpan(9, 3), 0, .. bytes.AsSpan(13)]);
                break;
            case "content":
                _fixture.Fs.Remove(LogFixture.PathOf(2));
                _fixture.Fs.Corrupt(LogFixture.PathOf(1), static _ => []);
                _fixture.Fs.Remove(Path.Combine(LogFixture.Directory, DurableMark.FileName));
                break;
            default:
                _fixture.Fs.Remove(LogFixture.PathOf(1));
                _fixture.Fs.Remove(LogFixture.PathOf(2));
                if (lost == "everything")
                {
                    _fixture.Fs.Remove(Path.Combine(LogFixture.Directory, DurableMark.FileName));
                }

                break;
        }

        _fixture.Options = _fixture.Options with { Generation = 2 };
        await using (var begun = _fixture.Open())
        {
            Assert.Equal(LogDamageKind.MayHaveBeenForgotten, begun.OpenGroup(LogFixture.Key(1)).Damage?.Kind);
            Assert.Null(begun.OpenGroup(LogFixture.Key(9), isKnownToBeNew: true).Damage);

            // Above any number that was reported of the lost log.
            Assert.Equal(2L << 40, begun.BatchFound);
        }

        await using var again = _fixture.Open();
        Assert.NotNull(again.OpenGroup(LogFixture.Key(1)).Damage);
        Assert.Null(again.OpenGroup(LogFixture.Key(9)).Damage);
        Assert.Equal(LogDamageKind.MayHaveBeenForgotten, again.OpenGroup(LogFixture.Key(2)).Damage?.Kind);
    }

    [Fact]
    public async Task A_replica_that_ran_here_and_is_unknown_has_lost_its_records_whatever_else_is_there()
    {
        await FillAsync();
        await using (var log = _fixture.Open())
        {
            Assert.Equal(LogDamageKind.MayHaveBeenForgotten, log.OpenGroup(LogFixture.Key(8), ranBefore: true).Damage?.Kind);
            Assert.Null(log.OpenGroup(LogFixture.Key(9)).Damage);
        }

        await using var again = _fixture.Open();
        Assert.Equal(LogDamageKind.MayHaveBeenForgotten, again.OpenGroup(LogFixture.Key(8), ranBefore: true).Damage?.Kind);
    }

    [Fact]
    public void Refuses_options_that_make_no_sense_all_at_once()
    {
        _fixture.Options = _fixture.Options with { SegmentBytes = 1, PayloadBytesMax = 0 };
        var message = Assert.Throws<ArgumentException>(() => _fixture.Open()).Message;
        Assert.Contains("SegmentBytes", message, StringComparison.Ordinal);
        Assert.Contains("PayloadBytesMax", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cuts_a_torn_tail_without_calling_it_damage()
    {
        var log = _fixture.Open();
        var group = log.OpenGroup(LogFixture.Key(1));
        group.Append(1, LogEntryKind.Command, new byte[100]);
        log.Pump();
        group.Append(1, LogEntryKind.Command, Enumerable.Repeat((byte)1, 700).ToArray());
        group.Append(1, LogEntryKind.Command, new byte[100]);
        _fixture.Fs.CutPowerAt(2);
        log.Pump();
        _fixture.Fs.KillProcess();
        // The middle of the unsynced batch never reached the disk; its end did.
        _fixture.Fs.Corrupt(LogFixture.PathOf(1), bytes =>
        {
            bytes.AsSpan(1024, 512).Clear();
            return bytes;
        });

        await using var found = _fixture.Open();
        Assert.Empty(found.Holes);
        Assert.Equal(1, found.OpenGroup(LogFixture.Key(1)).LastIndex);
        Assert.Null(found.OpenGroup(LogFixture.Key(1)).Damage);
    }

    [Fact]
    public async Task Calls_the_same_tail_damage_when_the_durable_mark_has_seen_it()
    {
        await using (var log = _fixture.Open())
        {
            var group = log.OpenGroup(LogFixture.Key(1));
            group.Append(1, LogEntryKind.Command, new byte[100]);
            log.Pump();
            group.Append(1, LogEntryKind.Command, Enumerable.Repeat((byte)1, 700).ToArray());
        }

        _fixture.Fs.Corrupt(LogFixture.PathOf(1), bytes =>
        {
            bytes.AsSpan(1024, 512).Clear();
            return bytes;
        });

        await using var found = _fixture.Open();
        Assert.NotEmpty(found.Holes);
        Assert.Equal(1, found.OpenGroup(LogFixture.Key(1)).LastIndex);
        Assert.Equal(LogDamageKind.LostRecord, found.OpenGroup(LogFixture.Key(1)).Damage?.Kind);
    }

    [Fact]
    public async Task Marks_only_the_group_whose_record_is_corrupt_when_its_header_can_be_read()
    {
        await FillAsync();
        _fixture.Fs.Corrupt(LogFixture.PathOf(1), bytes => FlipAt(bytes, "payload of 1"));
        await using var found = _fixture.Open();
        Assert.Equal(LogFixture.Key(1), Assert.Single(found.Holes).Owner);
        Assert.NotNull(found.OpenGroup(LogFixture.Key(1)).Damage);
        Assert.Null(found.OpenGroup(LogFixture.Key(2)).Damage);
        Assert.Equal(1, found.OpenGroup(LogFixture.Key(2)).LastIndex);
    }

    [Fact]
    public async Task Clears_a_group_of_suspicion_when_its_next_record_proves_continuity()
    {
        await using (var log = _fixture.Open())
        {
            var first = log.OpenGroup(LogFixture.Key(1));
            var second = log.OpenGroup(LogFixture.Key(2));
            log.Pump();
            first.Append(1, LogEntryKind.Command, "broken"u8.ToArray());
            log.Pump();
            second.Append(1, LogEntryKind.Command, "proof"u8.ToArray());
            log.Pump();
        }

        // The record's header: its owner is unknown.
        _fixture.Fs.Corrupt(LogFixture.PathOf(1), bytes => FlipAt(bytes, "broken", -RecordHeader.Bytes + 20));
        await using var found = _fixture.Open();
        Assert.NotEmpty(found.Holes);
        Assert.All(found.Holes, hole => Assert.Null(hole.Owner));
        Assert.Equal(LogDamageKind.Unproven, found.OpenGroup(LogFixture.Key(1)).Damage?.Kind);
        Assert.Null(found.OpenGroup(LogFixture.Key(2)).Damage);
        Assert.Equal(1, found.OpenGroup(LogFixture.Key(2)).LastIndex);
    }

    [Fact]
    public async Task Does_not_trust_an_unknown_replica_after_a_loss_unless_it_is_known_to_be_new()
    {
        await FillAsync();
        _fixture.Fs.Corrupt(LogFixture.PathOf(1), bytes => FlipAt(bytes, "payload of 2", -RecordHeader.Bytes + 20));
        await using var found = _fixture.Open();
        Assert.Equal(LogDamageKind.MayHaveBeenForgotten, found.OpenGroup(LogFixture.Key(8)).Damage?.Kind);
        Assert.Null(found.OpenGroup(LogFixture.Key(9), isKnownToBeNew: true).Damage);
    }

    [Fact]
    public async Task Remembers_damage_over_restarts_until_it_is_cleared()
    {
        await FillAsync();
        _fixture.Fs.Corrupt(LogFixture.PathOf(1), bytes => FlipAt(bytes, "payload of 1"));
        await using (var found = _fixture.Open())
        {
            found.OpenGroup(LogFixture.Key(1)).SetBallot(7, default);
        }

        await using (var again = _fixture.Open())
        {
            var group = again.OpenGroup(LogFixture.Key(1));
            Assert.NotNull(group.Damage);
            Assert.Equal(7, group.Ballot.Term);
            group.Reset(new LogPosition(5, 40));
            group.ClearDamage();
        }

        await using var rebuilt = _fixture.Open();
        Assert.Null(rebuilt.OpenGroup(LogFixture.Key(1)).Damage);
        Assert.Equal(new LogPosition(5, 40), rebuilt.OpenGroup(LogFixture.Key(1)).Last);
    }

    [Fact]
    public async Task Marks_a_group_whose_entry_turns_out_unreadable_later()
    {
        _fixture.Options = _fixture.Options with { TailCacheBytes = 0 };
        await using (var log = _fixture.Open())
        {
            var group = log.OpenGroup(LogFixture.Key(1));
            group.Append(1, LogEntryKind.Command, "payload of 1"u8.ToArray());
            log.Pump();
            _fixture.Fs.Corrupt(LogFixture.PathOf(1), bytes => FlipAt(bytes, "payload of 1"));
            Assert.Throws<LogDamagedException>(() => group.Read(1, 1));
            Assert.Equal(LogDamageKind.UnreadableEntry, group.Damage?.Kind);
        }

        await using var found = _fixture.Open();
        Assert.NotNull(found.OpenGroup(LogFixture.Key(1)).Damage);
    }

    [Fact]
    public async Task Dumps_a_damaged_log_without_changing_it()
    {
        await FillAsync();
        using var sound = new StringWriter();
        Assert.True(LogDump.Write(_fixture.Fs, LogFixture.Directory, sound, withRecords: true));
        Assert.Contains("entry 1@1 Command 12 bytes", sound.ToString(), StringComparison.Ordinal);

        _fixture.Fs.Corrupt(LogFixture.PathOf(1), bytes => FlipAt(bytes, "payload of 1"));
        var calls = _fixture.Fs.Calls;
        using var damaged = new StringWriter();
        Assert.False(LogDump.Write(_fixture.Fs, LogFixture.Directory, damaged, withRecords: true));
        Assert.Contains("PAYLOAD UNREADABLE", damaged.ToString(), StringComparison.Ordinal);
        Assert.Contains("DAMAGE: segment 1", damaged.ToString(), StringComparison.Ordinal);
        Assert.Contains("g1/r1: term 0, start 0@0, last 0@0, DAMAGED LostRecord", damaged.ToString(), StringComparison.Ordinal);
        Assert.Equal(calls, _fixture.Fs.Calls);
    }

    // Two groups with an entry each, closed cleanly.
    private async Task FillAsync()
    {
        await using var log = _fixture.Open();
        foreach (var number in new[] { 1, 2 })
        {
            log.OpenGroup(LogFixture.Key(number)).Append(1, LogEntryKind.Command, System.Text.Encoding.ASCII.GetBytes($"payload of {number}"));
        }
    }

    private static byte[] FlipAt(byte[] bytes, string text, int distance = 0)
    {
        var at = bytes.AsSpan().IndexOf(System.Text.Encoding.ASCII.GetBytes(text));
        Assert.True(at > 0, $"'{text}' is not in the file.");
        bytes[at + distance] ^= 1;
        return bytes;
    }
}
