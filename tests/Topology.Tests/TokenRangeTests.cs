using CsCheck;

namespace KvRaft.Topology.Tests;

public class TokenRangeTests
{
    // Ends are drawn from few values around the top, the bottom and the middle, so that they often coincide.
    private static readonly Gen<Token> Tokens = Gen.OneOf(
        Gen.ULong[0, 8], Gen.ULong[ulong.MaxValue - 8, ulong.MaxValue], Gen.ULong[(1UL << 63) - 4, (1UL << 63) + 4]).Select(value => new Token(value));

    private static readonly Gen<TokenRange> Ranges = Gen.Frequency(
        (1, Gen.Const(TokenRange.Empty)),
        (1, Gen.Const(TokenRange.Full)),
        (8, Gen.Select(Tokens, Tokens).Where((start, end) => start != end).Select((start, end) => TokenRange.Of(start, end))));

    [Fact]
    public void Holds_what_a_walk_from_start_to_end_meets() =>
        Gen.Select(Ranges, Tokens).Sample((range, token) => range.Contains(token) == Model(range, token));

    [Fact]
    public void Its_size_is_one_more_than_the_distance_to_its_last_token() =>
        Ranges.Where(range => !range.IsEmpty && !range.IsFull).Sample(range =>
        {
            var last = new Token(unchecked(range.End.Value - 1));
            Assert.True(range.Contains(last));
            Assert.False(range.Contains(range.End));
            Assert.Equal((UInt128)range.Start.DistanceTo(last) + 1, range.Size);
        });

    [Fact]
    public void Containing_a_range_is_containing_all_of_it() =>
        Gen.Select(Ranges, Ranges, Tokens).Sample((outer, inner, token) => !outer.Contains(inner) || !inner.Contains(token) || outer.Contains(token));

    [Fact]
    public void Not_containing_a_range_leaves_a_token_of_it_outside() =>
        Gen.Select(Ranges, Ranges).Sample((outer, inner) => outer.Contains(inner) || Ends(outer, inner).Any(token => inner.Contains(token) && !outer.Contains(token)));

    [Fact]
    public void Overlapping_is_mutual_and_means_a_token_in_both() =>
        Gen.Select(Ranges, Ranges).Sample((one, other) =>
            one.Overlaps(other) == other.Overlaps(one)
            && one.Overlaps(other) == Ends(one, other).Any(token => one.Contains(token) && other.Contains(token)));

    [Fact]
    public void The_halves_share_nothing_and_are_the_whole() =>
        Gen.Select(Ranges, Tokens).Where((range, _) => range.Size >= 2).Sample((range, token) =>
        {
            var (first, second) = range.Halve();
            Assert.False(first.Overlaps(second));
            Assert.Equal(range.Size, first.Size + second.Size);
            Assert.Equal(range.Contains(token), first.Contains(token) || second.Contains(token));
        });

    [Fact]
    public void A_range_of_one_token_cannot_be_cut() =>
        Assert.Throws<InvalidOperationException>(() => TokenRange.Of(new Token(ulong.MaxValue), new Token(0)).Halve());

    [Fact]
    public void Equal_ends_are_refused_because_they_could_mean_two_things() =>
        Assert.Throws<ArgumentException>(() => TokenRange.Of(new Token(7), new Token(7)));

    [Fact]
    public void The_default_is_empty() => Assert.True(default(TokenRange).IsEmpty);

    [Fact]
    public void Shards_cut_the_ring_without_gap_or_overlap() =>
        Gen.Int[0, 12].Select(power => 1 << power).Sample(count =>
        {
            var ranges = Enumerable.Range(0, count).Select(shard => TokenRange.OfShard(new ShardId(shard), count)).ToArray();
            Assert.Equal(new Token(0), ranges[0].Start);
            Assert.Equal(new Token(0), ranges[^1].End);
            Assert.All(ranges.Zip(ranges.Skip(1)), pair => Assert.Equal(pair.First.End, pair.Second.Start));
            Assert.All(ranges, range => Assert.Equal((UInt128.One << 64) / (uint)count, range.Size));
        });

    [Fact]
    public void Halving_a_shard_gives_two_shards_of_the_doubled_count() =>
        Gen.Int[0, 11].Select(power => 1 << power).SelectMany(count => Gen.Int[0, count - 1].Select(shard => (shard, count))).Sample(at =>
            TokenRange.OfShard(new ShardId(at.shard), at.count).Halve()
            == (TokenRange.OfShard(new ShardId(2 * at.shard), 2 * at.count), TokenRange.OfShard(new ShardId((2 * at.shard) + 1), 2 * at.count)));

    private static IEnumerable<Token> Ends(params TokenRange[] ranges) =>
        ranges.SelectMany(range => new[] { range.Start, range.End, new Token(unchecked(range.End.Value - 1)), new Token(unchecked(range.Start.Value - 1)) });

    private static bool Model(TokenRange range, Token token) =>
        range.IsFull
        || (!range.IsEmpty && (range.Start.Value < range.End.Value
            ? range.Start.Value <= token.Value && token.Value < range.End.Value
            : range.Start.Value <= token.Value || token.Value < range.End.Value));
}
