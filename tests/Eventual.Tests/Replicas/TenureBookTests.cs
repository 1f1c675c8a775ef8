using CsCheck;
using KvRaft.Eventual.Replicas;
using KvRaft.Topology;

namespace KvRaft.Eventual.Tests.Replicas;

/// <summary>Where the answers of a replica count, as the ring and the keyspaces change.</summary>
public class TenureBookTests
{
    private static readonly KeyspaceId Carts = new(7);
    private static readonly QuorumSpec Spec = new(3, 2, 2, Sloppy: true);

    [Fact]
    public void A_keyspace_created_under_the_present_ring_is_complete_at_once()
    {
        var book = TenureBook.Blank.Hear(News(1, ring: 4, next: 7)).Hear(News(2, ring: 4, next: 8, Kept(4, 0, 1)));
        Assert.Equal([0, 1], WholeIn(book, 4));
    }

    [Fact]
    public void An_empty_disk_is_complete_nowhere_until_it_has_met_all_replicas()
    {
        var book = TenureBook.Blank.Hear(News(2, ring: 4, next: 8, Kept(4, 0, 1)));
        Assert.Empty(WholeIn(book, 4));
        Assert.Equal([1], WholeIn(book.Met(Carts, Tenure.Of(4, Spec), [1]), 4));
    }

    [Fact]
    public void When_the_ring_changes_nodes_that_stay_are_complete_and_newcomers_are_not()
    {
        var book = Whole(4, 0, 1).Hear(News(3, ring: 5, next: 8, Kept(5, 1, 2)));
        Assert.Equal([1], WholeIn(book, 5));
        Assert.Empty(WholeIn(book, 4));
    }

    // In between it may not have been a replica holder, and other nodes have acknowledged writes that it never saw.
    [Fact]
    public void A_node_that_missed_a_ring_is_complete_nowhere() =>
        Assert.Empty(WholeIn(Whole(4, 0, 1).Hear(News(3, ring: 6, next: 8, Kept(6, 0, 1))), 6));

    [Fact]
    public void Other_counts_make_no_replica_complete()
    {
        var other = Spec with { R = 1, W = 3 };
        var book = Whole(4, 0, 1).Hear(News(3, ring: 4, next: 8, new KeptKeyspace(Carts, Tenure.Of(4, other), TokenRangeSet.None.With([0, 1]))));
        Assert.False(book.IsWhole(Carts, 0, Tenure.Of(4, other)));
    }

    [Fact]
    public void A_keyspace_created_under_an_earlier_ring_is_not_complete()
    {
        var book = TenureBook.Blank.Hear(News(1, ring: 4, next: 7)).Hear(News(3, ring: 5, next: 8, Kept(5, 0)));
        Assert.Empty(WholeIn(book, 5));
    }

    [Fact]
    public void Old_reports_and_meetings_under_another_tenure_change_nothing()
    {
        var book = Whole(4, 0);
        Assert.Same(book, book.Hear(News(1, ring: 3, next: 7)));
        Assert.Same(book, book.Met(Carts, Tenure.Of(5, Spec), [1]));
        Assert.Same(book, book.Met(new KeyspaceId(8), Tenure.Of(4, Spec), [1]));
    }

    [Fact]
    public void A_tenure_and_a_book_survive_encoding()
    {
        var tenure = new Tenure(1L << 40, 7, 6, 5);
        Assert.Equal(tenure, Tenure.FromWord(tenure.Word));
        var read = TenureBookCodec.Decode(TenureBookCodec.Encode(Whole(4, 0, 64, 255)));
        Assert.Equal([0, 64, 255], WholeIn(read, 4));
        Assert.Equal((2, 4, 8u), (read.Epoch, read.Ring, read.NextKeyspace.Value));
    }

    [Fact]
    public void Has_these_bytes() => Assert.Equal(
        "01" + "0200000000000000" + "0400000000000000" + "08" + "01" + "07" + "2243000000000000" + "0100000000000000" + "0100000000000000" + "0000000000000000" + "0000000000000080",
        Convert.ToHexStringLower(TenureBookCodec.Encode(Whole(4, 0, 64, 255))));

    [Fact]
    public void Any_bytes_are_read_as_a_book_or_as_an_empty_one() => Gen.Byte.Array[0, 100].Sample(bytes => TenureBookCodec.Decode(bytes) is not null);

    [Fact]
    public void A_damaged_book_is_read_as_an_empty_one() =>
        Gen.Int[0, 59].Sample(length => TenureBookCodec.Decode(TenureBookCodec.Encode(Whole(4, 0)).AsMemory()[..length]) == TenureBook.Blank);

    private static TenureBook Whole(long ring, params int[] ranges) =>
        TenureBook.Blank.Hear(News(1, ring, next: 7)).Hear(News(2, ring, next: 8, Kept(ring, ranges)));

    private static KeptKeyspace Kept(long ring, params int[] ranges) => new(Carts, Tenure.Of(ring, Spec), TokenRangeSet.None.With(ranges));

    private static RingNews News(long epoch, long ring, uint next, params KeptKeyspace[] keyspaces) => new(epoch, ring, new KeyspaceId(next), keyspaces);

    private static int[] WholeIn(TenureBook book, long ring) => [.. Enumerable.Range(0, 256).Where(range => book.IsWhole(Carts, range, Tenure.Of(ring, Spec)))];
}
