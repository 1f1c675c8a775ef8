using KvRaft.Storage.Commands;
using KvRaft.Storage.Schema;
using KvRaft.Storage.Shards;
using KvRaft.Storage.State;
using KvRaft.Storage.Tests.Shards;
using static KvRaft.Storage.Tests.Shards.Replica;

namespace KvRaft.Storage.Tests.Commands;

/// <summary>The effect of each command on one replica.</summary>
public sealed class ShardCommandTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Replica _shard;

    public ShardCommandTests() => _shard = new(_directory["shard"]);

    public void Dispose()
    {
        _shard.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void A_put_gives_the_key_the_next_version()
    {
        var first = _shard.Apply(Put("a", "1"));
        var second = _shard.Apply(Put("a", "2") with { ReturnPrevious = true });

        Assert.Equal((ShardStatus.Applied, 1L, 0L), (first.Status, first.Version, first.PreviousVersion));
        Assert.Equal((2L, 1L), (second.Version, second.PreviousVersion));
        Assert.Equal("1"u8.ToArray(), second.Previous!.Value.Value.ToArray());
        Assert.Equal("2", _shard.Get("a"));
        Assert.Equal(2, _shard.Machine.Revision);
    }

    [Fact]
    public void Later_commands_of_an_entry_see_earlier_ones()
    {
        var outcomes = _shard.Apply(
            Put("a", "1"),
            Put("a", "2") with { Condition = Condition.VersionEquals(1) },
            Put("a", "3") with { Condition = Condition.VersionEquals(1), ReturnPrevious = true },
            Delete("a") with { Condition = Condition.ValueEquals(Bytes("2")) },
            Put("a", "4") with { Condition = Condition.Absent });

        Assert.Equal(
            [ShardStatus.Applied, ShardStatus.Applied, ShardStatus.ConditionFailed, ShardStatus.Applied, ShardStatus.Applied],
            outcomes.Select(outcome => outcome.Status));
        Assert.Equal(2, outcomes[2].Version);
        Assert.Equal("2"u8.ToArray(), outcomes[2].Previous!.Value.Value.ToArray());
        Assert.Equal("4", _shard.Get("a"));
        Assert.Equal(4, _shard.Machine.Revision);
    }

    [Fact]
    public void Deleting_what_is_absent_is_applied_and_found_nothing()
    {
        var outcome = _shard.Apply(Delete("a"));

        Assert.Equal((ShardStatus.Applied, 1L, 0L), (outcome.Status, outcome.Version, outcome.PreviousVersion));
    }

    [Fact]
    public void An_expired_key_is_absent_for_reads_and_conditions_from_that_millisecond_on()
    {
        _shard.Apply(Put("a", "1", expireAtMs: 2_000));
        _shard.NowMs = 1_999;
        var early = _shard.Apply(Put("a", "2") with { Condition = Condition.Absent });
        Assert.Equal("1", _shard.Get("a"));
        _shard.NowMs = 2_000;
        _shard.Apply(new TickCommand(0));
        Assert.Null(_shard.Get("a"));
        Assert.Equal("", _shard.Scan());
        var late = _shard.Apply(Put("a", "2") with { Condition = Condition.Absent });

        Assert.Equal(ShardStatus.ConditionFailed, early.Status);
        Assert.Equal((ShardStatus.Applied, 0L), (late.Status, late.PreviousVersion));
        Assert.Equal("2", _shard.Get("a"));
    }

    [Fact]
    public void A_leader_whose_clock_is_behind_revives_nothing()
    {
        _shard.Apply(Put("a", "1", expireAtMs: 2_000));
        _shard.NowMs = 2_500;
        _shard.Apply(new TickCommand(0));
        _shard.NowMs = 1_500;
        _shard.Apply(new TickCommand(0));

        Assert.Equal(2_500, _shard.Machine.Clock);
        Assert.Null(_shard.Get("a"));
    }

    [Fact]
    public void Ticks_purge_what_expired_and_only_that()
    {
        _shard.Apply(Put("a", "1", 2_000), Put("b", "2", 2_001), Put("c", "3", 3_000), Put("d", "4"));
        Assert.Null(_shard.Machine.DueCommand(1_999));
        _shard.NowMs = 2_001;
        var due = Assert.IsType<TickCommand>(CommandCodec.Decode(_shard.Machine.DueCommand(_shard.NowMs)!.Value).Command);

        Assert.Equal(1, _shard.Apply(due with { RowsMax = 1 }).Affected);
        Assert.NotNull(_shard.Machine.DueCommand(_shard.NowMs));
        Assert.Equal(1, _shard.Apply(due).Affected);
        Assert.Null(_shard.Machine.DueCommand(2_999));
        Assert.NotNull(_shard.Machine.DueCommand(3_000));
        Assert.Equal("c d", _shard.Scan());
        Assert.Equal(2, _shard.Machine.Statistics.Keys);
    }

    [Fact]
    public void A_key_written_again_outlives_its_first_expiry()
    {
        _shard.Apply(Put("a", "1", 2_000), Put("b", "1", 2_000), Put("c", "1", 2_000));
        _shard.Apply(Put("a", "2"), new TouchCommand(Space, Bytes("b"), Expiry.At(5_000)), Put("c", "2", 3_000));
        _shard.NowMs = 2_500;
        _shard.Apply(new TickCommand(10));

        Assert.Equal("a b c", _shard.Scan());
        _shard.NowMs = 3_000;
        Assert.Equal(1, _shard.Apply(new TickCommand(10)).Affected);
        Assert.Equal("a b", _shard.Scan());
    }

    [Fact]
    public void Touch_changes_expiry_and_version_and_needs_a_key()
    {
        _shard.Apply(Put("a", "1", 2_000));
        var persisted = _shard.Apply(new TouchCommand(Space, Bytes("a"), Expiry.Never));
        var missing = _shard.Apply(new TouchCommand(Space, Bytes("b"), Expiry.At(5_000)));
        _shard.NowMs = 9_000;
        _shard.Apply(new TickCommand(10));

        Assert.Equal((ShardStatus.Applied, 2L), (persisted.Status, persisted.Version));
        Assert.Equal((ShardStatus.ConditionFailed, 0L), (missing.Status, missing.Version));
        Assert.Equal("1", _shard.Get("a"));
    }

    [Fact]
    public void Increment_counts_from_its_initial_value_within_its_bounds()
    {
        var add = new IncrementCommand(Space, Bytes("n"), 5) { Initial = 10, Min = 0, Max = 20, Expiry = Expiry.At(5_000) };

        Assert.Equal(15, _shard.Apply(add).Counter);
        Assert.Equal(20, _shard.Apply(add).Counter);
        Assert.Equal(RefusalReason.OutOfBounds, _shard.Apply(add).Reason);
        Assert.Equal(-5 + 20, _shard.Apply(add with { Delta = -5 }).Counter);
        Assert.Equal("15", _shard.Get("n"));
        Assert.Equal(5_000, _shard.Machine.Get(Space, "n"u8)!.Value.ExpireAtMs);
    }

    [Theory]
    [InlineData("", RefusalReason.NotANumber)]
    [InlineData("12x", RefusalReason.NotANumber)]
    [InlineData("9223372036854775807", RefusalReason.OutOfBounds)]
    public void Increment_refuses_what_it_cannot_add_to(string value, RefusalReason reason)
    {
        _shard.Apply(Put("n", value));
        var outcome = _shard.Apply(new IncrementCommand(Space, Bytes("n"), 1));

        Assert.Equal((ShardStatus.Refused, reason), (outcome.Status, outcome.Reason));
        Assert.Equal(value, _shard.Get("n"));
        Assert.Equal(1, _shard.Machine.Revision);
    }

    [Fact]
    public void A_transaction_takes_one_branch_with_one_version()
    {
        _shard.Apply(Put("a", "1"));
        var txn = new TxnCommand(
            [new(Space, Bytes("a"), Condition.VersionEquals(1)), new(Space, Bytes("b"), Condition.Absent)],
            [new TxnPut(Space, Bytes("b"), Bytes("2")), new TxnGet(Space, Bytes("b")), new TxnDelete(Space, Bytes("a")), new TxnIncrement(Space, Bytes("n"), 3)],
            [new TxnGet(Space, Bytes("a"))]);
        var then = _shard.Apply(txn);
        var otherwise = _shard.Apply(txn);

        Assert.True(then.Succeeded);
        Assert.Equal(2, then.Version);
        Assert.Equal([0L, 2L, 1L, 0L], then.Results.Select(result => result.PreviousVersion));
        Assert.Equal("2"u8.ToArray(), then.Results[1].Value!.Value.Value.ToArray());
        Assert.Equal(3, then.Results[3].Counter);
        Assert.False(otherwise.Succeeded);
        Assert.Null(Assert.Single(otherwise.Results).Value);
        Assert.Equal("b n", _shard.Scan());
    }

    [Fact]
    public void A_transaction_with_a_refused_operation_leaves_no_trace()
    {
        _shard.Apply(Put("a", "1", 5_000), Put("x", "text"));
        var before = _shard.Machine.Statistics;
        var txn = new TxnCommand(
            [],
            [
                new TxnPut(Space, Bytes("a"), Bytes("2")), new TxnPut(Space, Bytes("new"), Bytes("3")) { Expiry = Expiry.At(3_000) },
                new TxnDelete(Space, Bytes("new")), new TxnIncrement(Space, Bytes("x"), 1),
            ],
            []);
        var outcomes = _shard.Apply(Put("b", "kept"), txn);

        Assert.Equal((ShardStatus.Refused, RefusalReason.NotANumber), (outcomes[1].Status, outcomes[1].Reason));
        Assert.Equal("a b x", _shard.Scan());
        Assert.Equal("1", _shard.Get("a"));
        Assert.Equal(before.Keys + 1, _shard.Machine.Statistics.Keys);
        Assert.Equal(3, _shard.Machine.Revision);
        _shard.NowMs = 5_000;
        Assert.Equal(1, _shard.Apply(new TickCommand(10)).Affected);
    }

    [Fact]
    public void A_range_is_deleted_in_bounded_steps()
    {
        _shard.Apply(Put("a", ""), Put("b", ""), Put("c", ""), Put("d", ""), Put("e", ""));
        _shard.Apply(new PutCommand(new(8), Bytes("b"), Bytes("other keyspace")));
        var outcomes = _shard.Apply(
            Put("bb", ""),
            new DeleteRangeCommand(Space, Bytes("b"), Bytes("e"), 2),
            new DeleteRangeCommand(Space, Bytes("c"), Bytes("e"), 2));

        Assert.Equal((2L, "c"), (outcomes[1].Affected, System.Text.Encoding.UTF8.GetString(outcomes[1].ResumeKey!.Value.Span)));
        Assert.Equal(2, outcomes[2].Affected);
        Assert.Null(outcomes[2].ResumeKey);
        Assert.Equal("a e", _shard.Scan());
        Assert.NotNull(_shard.Machine.Get(new(8), "b"u8));
    }

    [Fact]
    public void Dropping_a_keyspace_leaves_the_others_and_no_ghosts()
    {
        var other = new KeyspaceId(8);
        _shard.Apply(Put("a", "1", 2_000), Put("b", "2"), new PutCommand(other, Bytes("a"), Bytes("3")));
        var outcomes = _shard.Apply(Put("c", "4"), new DropKeyspaceCommand(Space), Put("a", "again", 9_000));

        Assert.Equal(3, outcomes[1].Affected);
        Assert.Equal("a", _shard.Scan());
        Assert.Equal(new KeyspaceCounters(1, 6), _shard.Machine.GetKeyspaceCounters(Space));
        _shard.NowMs = 2_000;
        Assert.Equal(1, _shard.Apply(new TickCommand(10)).Affected);
        Assert.Equal("again", _shard.Get("a"));
        Assert.Equal("3"u8.ToArray(), _shard.Machine.Get(other, "a"u8)!.Value.Value.ToArray());
        Assert.Equal(2, _shard.Machine.Statistics.Keys);
    }

    [Fact]
    public void Malformed_bytes_are_refused_by_all_replicas_alike()
    {
        var outcomes = _shard.Machine.Apply([new(new(1, _shard.Next++), 1, [new byte[] { CommandCodec.FormatVersion, 1 }, CommandCodec.Encode(Put("a", "1"))])]);

        Assert.Equal(RefusalReason.Malformed, ((ShardOutcome)outcomes[0][0]).Reason);
        Assert.Equal("1", _shard.Get("a"));
    }

    [Fact]
    public void A_command_of_other_software_stops_the_replica()
    {
        var bytes = CommandCodec.Encode(Put("a", "1"));
        bytes[0] = CommandCodec.FormatVersion + 1;
        Assert.Throws<UnsupportedCommandException>(() => _shard.Machine.Apply([new(new(1, 1), 1, [bytes])]));

        Assert.Throws<StorageException>(() => _shard.Apply(Put("b", "2")));
        Assert.Null(_shard.Get("b"));
    }

    [Fact]
    public void Entries_applied_before_are_skipped_and_a_gap_is_fatal()
    {
        _shard.Apply(Put("a", "1"));
        _shard.Next = 1;
        var again = _shard.Machine.Apply([_shard.Entry(Put("a", "wrong")), _shard.Entry(Put("b", "2"))]);

        Assert.Empty(again[0]);
        Assert.Equal(2, ((ShardOutcome)again[1][0]).Version);
        Assert.Equal("1", _shard.Get("a"));
        _shard.Next = 4;
        Assert.Throws<KvRaft.Topology.InvariantException>(() => _shard.Apply(Put("c", "3")));
    }
}
