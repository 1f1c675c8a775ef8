using System.Text;
using CsCheck;
using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Tests.Causality;
using KvRaft.Eventual.Values;

namespace KvRaft.Eventual.Tests.Values;

public class MergeValueTests
{
    public static TheoryData<MergeKind> Kinds => [.. Enum.GetValues<MergeKind>()];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Merging_is_commutative_associative_and_idempotent(MergeKind kind) => ValueHistory.Steps.Sample(
        steps =>
        {
            var values = ValueHistory.Play(kind, steps).Values;
            var (a, b, c) = (values[0], values[1], values[2]);
            Assert.Equal(a, a.Merge(a));
            Assert.Equal(a.Merge(b), b.Merge(a));
            Assert.Equal(a.Merge(b)!.Merge(c), a.Merge(b.Merge(c)!));
        },
        iter: 2_500);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Bytes_are_read_as_they_were_written(MergeKind kind) => ValueHistory.Steps.Sample(steps =>
    {
        foreach (var value in ValueHistory.Play(kind, steps).Values)
        {
            var bytes = MergeValueCodec.Encode(value);
            Assert.Equal(value, MergeValueCodec.Decode(bytes));
            Assert.Equal(bytes, MergeValueCodec.Encode(MergeValueCodec.Decode(bytes)));
        }
    });

    [Fact]
    public void A_counter_is_the_sum_of_all_received_additions() => ValueHistory.Steps.Sample(
        static steps =>
        {
            var history = ValueHistory.Play(MergeKind.Counter, steps);
            Assert.All(Enumerable.Range(0, ValueHistory.Replicas), i => Assert.Equal(history.CountAt(i), ((PnCounter)history.Values[i]).Value));
        },
        iter: 10_000);

    [Fact]
    public void An_element_exists_if_an_addition_is_known_that_no_known_removal_had_seen() => ValueHistory.Steps.Sample(
        static steps =>
        {
            var history = ValueHistory.Play(MergeKind.Set, steps);
            Assert.All(Enumerable.Range(0, ValueHistory.Replicas), i => Assert.Equal(
                history.ElementsAt(i), ((AddWinsSet)history.Values[i]).Elements.Select(static element => Encoding.ASCII.GetString(element.Value.Span))));
        },
        iter: 10_000);

    [Fact]
    public void A_counter_does_not_leave_64_bits()
    {
        var full = PnCounter.Zero.Add(Some.Actor(1), long.MaxValue)!;

        Assert.Null(full.Add(Some.Actor(2), 1));
        Assert.Equal(long.MaxValue - 1, full.Add(Some.Actor(2), -1)!.Value);
        Assert.Equal(long.MinValue, PnCounter.Zero.Add(Some.Actor(1), long.MinValue)!.Value);
    }

    [Fact]
    public void A_writer_that_replaces_a_register_wins_even_with_a_clock_that_is_behind()
    {
        var ahead = LastWriterRegister.Unwritten.Write("old"u8.ToArray(), new WriteMark(Some.Dot(1, 1), HybridStamp.AtStartOf(9_000)));
        var over = ahead.Write("new"u8.ToArray(), new WriteMark(Some.Dot(2, 1), HybridStamp.AtStartOf(1)));

        Assert.Equal(over, ahead.Merge(over));
    }

    [Fact]
    public void A_field_has_one_kind_for_life()
    {
        var mark = new WriteMark(Some.Dot(1, 1), default);
        var map = MergeMap.Empty.Change("visits", new AddToCounter(1), mark)!;

        Assert.Null(map.Change("visits", new WriteRegister("x"u8.ToArray()), mark));
        Assert.Null(map.Change("inner", new ChangeField("x", new AddToCounter(1)), mark));
        Assert.Equal(map, map.Merge(MergeMap.Empty.Change("visits", new WriteRegister("x"u8.ToArray()), mark)!));
        Assert.Null(map.Merge(PnCounter.Zero));
    }

    // These bytes are on disks, inside siblings.
    [Theory]
    [InlineData(MergeKind.Counter, "01" + "01" + "01" + "0100000000000000" + "01" + "05" + "00")]
    [InlineData(MergeKind.Set, "01" + "02" + "01" + "0100000000000000" + "01" + "02" + "01" + "0161" + "01" + "0100000000000000" + "01" + "02")]
    [InlineData(MergeKind.Register, "01" + "03" + "0100000000000000" + "01" + "02" + "0000070000000000" + "0161")]
    [InlineData(MergeKind.Map, "01" + "04" + "01" + "0166" + "01" + "01" + "0100000000000000" + "01" + "05" + "00")]
    public void Golden_bytes(MergeKind kind, string hex)
    {
        MergeChange change = kind switch
        {
            MergeKind.Counter => new AddToCounter(5),
            MergeKind.Set => new ChangeSet(["a"u8.ToArray()], []),
            MergeKind.Register => new WriteRegister("a"u8.ToArray()),
            _ => new ChangeField("f", new AddToCounter(5)),
        };
        var value = change.ApplyTo(MergeValue.InitialOf(kind), new WriteMark(Some.Dot(1, 2), HybridStamp.AtStartOf(7)))!;

        Assert.Equal(hex, Convert.ToHexStringLower(MergeValueCodec.Encode(value)));
        Assert.Equal(value, MergeValueCodec.Decode(Convert.FromHexString(hex)));
    }

    [Fact]
    public void Random_bytes_are_refused_or_mean_one_value() => Gen.Select(Gen.Byte[1, 4], Gen.Byte.Array[0, 60]).Sample(
        static (kind, rest) =>
        {
            byte[] bytes = [1, kind, .. rest];
            try
            {
                Assert.Equal(bytes, MergeValueCodec.Encode(MergeValueCodec.Decode(bytes)));
            }
            catch (EventualFormatException)
            {
                // Refused with the expected exception.
            }
        },
        iter: 20_000);
}
