using CsCheck;
using KvRaft.Storage.Commands;
using KvRaft.Storage.State;
using KvRaft.Storage.Tests.Shards;
using static KvRaft.Storage.Tests.Shards.Replica;

namespace KvRaft.Storage.Tests.Commands;

/// <summary>
/// A time-to-live counts by the clock that decides about the expiry. When the leader computed it by its wall clock, it was wrong by the difference
/// between that clock and the clock of the
/// shard: a leader behind it acknowledged values that had already expired, and one ahead of it let values outlive their time.
/// </summary>
public sealed class ExpiryTests : IDisposable
{
    private const long Hour = 3_600_000;
    private const long Noon = 1_800_000_000_000;

    private readonly TemporaryDirectory _directory = new();
    private readonly Replica _shard;

    public ExpiryTests() => _shard = new(_directory["shard"]) { NowMs = Noon };

    public void Dispose()
    {
        _shard.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void A_value_written_by_a_leader_behind_the_clock_lives_its_time()
    {
        _shard.Apply(Put("any", "1"));
        _shard.NowMs = Noon - Hour;

        var put = _shard.Apply(PutFor("a", "1", 30_000));

        Assert.Equal(Noon + 30_000, put.ExpireAtMs);
        Assert.Equal("1", _shard.Get("a"));
        _shard.NowMs = Noon + 29_999;
        _shard.Apply(Delete("any"));
        Assert.Equal("1", _shard.Get("a"));
        _shard.NowMs = Noon + 30_000;
        _shard.Apply(Delete("any"));
        Assert.Null(_shard.Get("a"));
    }

    [Fact]
    public void A_lock_is_granted_once_while_it_lives_whatever_leaders_stamp()
    {
        var held = PutFor("lock", "x", 30_000) with { Condition = Condition.Absent };
        var granted = new List<long>();
        foreach (var stamp in new[] { Noon, Noon - 45_000, Noon + 10_000, Noon - Hour, Noon + 29_999 })
        {
            _shard.NowMs = stamp;
            granted.Add(_shard.Apply(held).Status == ShardStatus.Applied ? 1 : 0);
        }

        Assert.Equal([1, 0, 0, 0, 0], granted);
        _shard.NowMs = Noon + 30_000;
        Assert.Equal(ShardStatus.Applied, _shard.Apply(held).Status);
    }

    [Fact]
    public void Every_kind_of_write_counts_a_time_to_live_from_the_same_clock()
    {
        _shard.Apply(Put("touched", "1"), Put("any", "1"));
        _shard.NowMs = Noon - Hour;

        var outcomes = _shard.Apply(
            PutFor("put", "1", 1_000),
            new TouchCommand(Space, Bytes("touched"), Expiry.After(2_000)),
            new IncrementCommand(Space, Bytes("counter"), 1) { Expiry = Expiry.After(3_000) },
            new TxnCommand(
                [],
                [
                    new TxnPut(Space, Bytes("txn"), Bytes("1")) { Expiry = Expiry.After(4_000) },
                    new TxnIncrement(Space, Bytes("txn-counter"), 1) { Expiry = Expiry.After(5_000) },
                ],
                []));

        Assert.Equal([Noon + 1_000, Noon + 2_000, Noon + 3_000], outcomes.Take(3).Select(outcome => outcome.ExpireAtMs));
        Assert.Equal(
            [Noon + 1_000, Noon + 2_000, Noon + 3_000, Noon + 4_000, Noon + 5_000],
            new[] { "put", "touched", "counter", "txn", "txn-counter" }.Select(key => _shard.Machine.Get(Space, Bytes(key).Span)!.Value.ExpireAtMs));
    }

    [Fact]
    public void A_repeat_is_answered_with_the_instant_of_its_first_application()
    {
        var put = PutFor("a", "1", 30_000) with { Stamp = new(CommandGen.Client(2_000_000_000), 1, 1) };
        var first = _shard.Apply(put);
        _shard.NowMs += 20_000;
        var again = _shard.Apply(put);

        Assert.Equal((false, Noon + 30_000), (first.Deduplicated, first.ExpireAtMs));
        Assert.Equal((true, Noon + 30_000), (again.Deduplicated, again.ExpireAtMs));
    }

    [Fact]
    public void An_undeclared_stamp_from_the_far_future_ends_no_session()
    {
        _shard.Apply(PutFor("session", "1", Hour / 2));
        _shard.NowMs = Noon + (365L * 24 * Hour);

        _shard.Machine.Apply([_shard.Entry(Put("any", "1")) with { IsClockStep = false }]);

        Assert.Equal(Noon + ShardClock.StepMsMax, _shard.Machine.Clock);
        Assert.Equal("1", _shard.Get("session"));
    }

    [Fact]
    public void The_clock_never_goes_back_and_leaves_room_for_every_time_to_live() =>
        Gen.Select(Gen.Long, Gen.Bool, Gen.Long[1, ShardLimits.TtlMsMax]).List[1, 20].Sample(entries =>
        {
            var clock = 0L;
            foreach (var (stamp, isStep, ttl) in entries)
            {
                var next = ShardClock.After(clock, stamp, isStep);
                Assert.InRange(next, clock, ShardClock.ClockMsMax);
                Assert.True(isStep || clock == 0 || next - clock <= ShardClock.StepMsMax);
                Assert.True(next == clock || next <= stamp);
                Assert.Equal(next + ttl, Expiry.After(ttl).InstantAt(next));
                clock = next;
            }
        });

    [Theory]
    [InlineData(long.MinValue), InlineData(-1), InlineData(0), InlineData(Noon), InlineData(ShardLimits.InstantMsMax), InlineData(long.MaxValue)]
    public void No_sum_overflows(long clock) =>
        Assert.InRange(Expiry.After(ShardLimits.TtlMsMax).InstantAt(clock), ShardLimits.TtlMsMax, ShardLimits.InstantMsMax);
}
