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

    /// <summary>A hash of the length alone made one merge of such a set take minutes, and each write of every eventual keyspace waited for it.</summary>
    [Fact]
    public void The_time_of_a_merge_does_not_grow_with_the_square_of_the_elements()
    {
        // 100,000 elements of six bytes are within the limit of a key (2 MiB).
        var dot = new Dot(new ActorId(1, 1), 1);
        var set = AddWinsSet.Empty.Change([.. Enumerable.Range(0, 100_000).Select(Element)], [], dot);
        Assert.True(MergeValueCodec.Encode(set).Length < 2 * 1024 * 1024);
        var other = AddWinsSet.Empty.Change([.. Enumerable.Range(50_000, 100_000).Select(Element)], [], new Dot(new ActorId(2, 1), 1));

        // The square takes more than a minute; a merge takes some hundredths of a second.
        var began = System.Diagnostics.Stopwatch.GetTimestamp();
        var merged = (AddWinsSet)set.Merge(other)!;
        Assert.InRange(System.Diagnostics.Stopwatch.GetElapsedTime(began), TimeSpan.Zero, TimeSpan.FromSeconds(10));
        Assert.Equal(150_000, merged.Elements.Length);
        Assert.Equal(2, merged.Elements[50_000].Dots.Length);
    }

    [Fact]
    public void A_change_of_a_set_adds_each_element_once_and_removes_what_it_does_not_add()
    {
        var (first, second) = (new Dot(new ActorId(1, 1), 1), new Dot(new ActorId(1, 1), 2));
        var set = AddWinsSet.Empty.Change([Element(5), Element(1), Element(5), Element(3)], [], first);
        var changed = set.Change([Element(4), Element(3), Element(0), Element(9)], [Element(3), Element(5), Element(5), Element(7)], second);

        Assert.Equal(["000001", "000003", "000005"], Names(set));
        Assert.Equal(["000000", "000001", "000003", "000004", "000009"], Names(changed));
        Assert.Equal([second, first, second, second, second], changed.Elements.Select(static element => element.Dots.Single()));
    }

    [Fact]
    public void Hashes_of_elements_differ_if_their_lengths_are_equal()
    {
        var dots = System.Collections.Immutable.ImmutableArray.Create(new Dot(new ActorId(1, 1), 1));
        Assert.InRange(Enumerable.Range(0, 1_000).Select(i => new SetElement(Element(i), dots).GetHashCode()).Distinct().Count(), 990, 1_000);
    }

    private static ReadOnlyMemory<byte> Element(int number) => Encoding.ASCII.GetBytes($"{number:d6}");

    private static IEnumerable<string> Names(AddWinsSet set) => set.Elements.Select(static element => Encoding.ASCII.GetString(element.Value.Span));

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
