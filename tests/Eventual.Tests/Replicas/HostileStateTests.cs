using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Repair;
using KvRaft.Eventual.Replicas;
using KvRaft.Eventual.Trees;
using KvRaft.Eventual.Values;
using KvRaft.Storage.Engine;
using KvRaft.Topology;

namespace KvRaft.Eventual.Tests.Replicas;

/// <summary>A context, a state of another node or a record on disk may have any content. A request that cannot use it fails alone: the writer and other
/// keys continue.</summary>
public sealed class HostileStateTests : IDisposable
{
    private static readonly EventualKey Cart = Some.Key("cart");
    private static readonly EventualKey Other = Some.Key("other");

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    // A context supplied 4,096 actors, the replica added its own, and no decoder accepted the record afterwards.
    [Fact]
    public async Task A_context_that_leaves_no_room_for_the_writer_is_refused_and_the_record_stays_as_it_was()
    {
        await using var replica = Some.Open(_directory.Path);
        await replica.WriteAsync(Cart, Some.Put("milk"));
        var before = replica.Read(Cart);

        var refused = await replica.WriteAsync(Cart, Some.Put("bread", Actors(0, SiblingSetCodec.ActorsMax)));

        Assert.Equal(WriteEnd.TooLarge, refused.End);
        Assert.Equal(before, replica.Read(Cart));
        Assert.Equal(WriteEnd.Applied, (await replica.WriteAsync(Cart, Some.Put("bread", before.Seen))).End);
        Assert.Equal(["bread"], replica.Read(Cart).Texts());
    }

    [Fact]
    public async Task States_that_are_too_large_together_are_not_merged()
    {
        await using var replica = Some.Open(_directory.Path);
        var half = SiblingSet.Empty.Delete(Actors(0, SiblingSetCodec.ActorsMax / 2 + 1));
        var otherHalf = SiblingSet.Empty.Delete(Actors(10_000, SiblingSetCodec.ActorsMax / 2));

        var taken = await replica.WriteAsync(Cart, new TakeState(half, null));
        var refused = await replica.WriteAsync(Cart, new TakeState(otherHalf, new NodeId("n2")));

        Assert.Equal((WriteEnd.Applied, WriteEnd.TooLarge), (taken.End, refused.End));
        Assert.Equal(half, replica.Read(Cart));
        Assert.False(replica.Hints.Has(Cart));
        Assert.Equal(half, SiblingSetCodec.Decode(SiblingSetCodec.Encode(replica.Read(Cart))));
    }

    [Fact]
    public async Task A_state_that_exhausts_the_counter_of_this_replica_gives_it_a_new_actor_id()
    {
        await using var replica = Some.Open(_directory.Path);
        var actor = (await replica.WriteAsync(Cart, Some.Put("milk"))).State.Siblings[0].Dot.Actor;
        var claimed = SiblingSet.Empty.Delete(VersionVector.Empty.With(new Dot(actor, SiblingSetCodec.CounterMax)).With(new Dot(actor with { Epoch = actor.Epoch + 1 }, 5)));
        await replica.WriteAsync(Cart, new TakeState(claimed, null));

        var next = (await replica.WriteAsync(Cart, Some.Put("bread"))).State;
        var replaced = (await replica.WriteAsync(Cart, Some.Put("eggs", next.Seen))).State;

        Assert.Equal(["bread"], next.Texts());
        Assert.Equal(["eggs"], replaced.Texts());
        Assert.DoesNotContain(next.Siblings[0].Dot.Actor, claimed.Seen.Entries.Select(static entry => entry.Actor));
        Assert.Equal(replaced, SiblingSetCodec.Decode(SiblingSetCodec.Encode(replaced)));
    }

    [Fact]
    public void A_counter_above_the_bound_is_not_read()
    {
        var state = SiblingSet.Empty.Delete(VersionVector.Empty.With(new Dot(new ActorId(1, 1), SiblingSetCodec.CounterMax + 1)));

        Assert.Throws<EventualFormatException>(() => SiblingSetCodec.Decode(SiblingSetCodec.Encode(state)));
    }

    // The stamp after the last one overflowed, in the writer.
    [Fact]
    public async Task A_register_with_the_highest_stamp_can_be_replaced()
    {
        await using var replica = Some.Open(_directory.Path);
        var dot = new Dot(new ActorId(77, 1), 1);
        var register = LastWriterRegister.TryOf("far"u8.ToArray(), new WriteMark(dot, new HybridStamp(ulong.MaxValue)))!;
        var sibling = new Sibling { Dot = dot, WrittenAt = new HybridStamp(ulong.MaxValue), Value = MergeValueCodec.Encode(register) };
        await replica.WriteAsync(Cart, new TakeState(SiblingSet.TryOf(VersionVector.Empty.With(dot), [sibling])!, null));

        var (end, state) = await replica.WriteAsync(Cart, new ChangeValue(new WriteRegister("near"u8.ToArray()), 0));

        Assert.Equal(WriteEnd.Applied, end);
        Assert.Equal("near"u8.ToArray(), ((LastWriterRegister)SiblingValues.Merge(state, MergeKind.Register)!).Value.ToArray());
    }

    [Fact]
    public async Task A_record_that_cannot_be_read_fails_its_own_requests_and_no_loop()
    {
        var node = new NodeId("n2");
        await using (var replica = Some.Open(_directory.Path))
        {
            await replica.WriteAsync(Cart, Some.Put("milk", expireAtMs: 1));
            await replica.WriteAsync(Cart, new AddHint([node]));
            await replica.WriteAsync(Other, Some.Put("bread", expireAtMs: 2));
        }

        Damage(Cart);
        await using var opened = Some.Open(_directory.Path);

        Assert.Equal(1, await new ExpirySweep(opened, TimeProvider.System).RunAsync(CancellationToken.None));
        Assert.True(opened.Read(Other).IsTombstone);
        Assert.True(opened.Hints.Has(Cart));
        await opened.WriteAsync(Cart, new DropHint(node));
        Assert.False(opened.Hints.Has(Cart));
        Assert.False(opened.Failure.IsFaulted);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_record_that_cannot_be_read_is_set_aside_and_the_replica_does_not_count_in_its_token_range(bool isFoundByWrite)
    {
        var tenure = new Tenure(1, 3, 2, 2);
        await using (var replica = Some.Open(_directory.Path))
        {
            await replica.WriteAsync(Cart, Some.Put("milk"));
            await replica.WriteAsync(Other, Some.Put("bread"));
            await replica.HearAsync(new RingNews(0, 1, Cart.Keyspace, []), CancellationToken.None);
            await replica.HearAsync(new RingNews(1, 1, new KeyspaceId(8), [new KeptKeyspace(Cart.Keyspace, tenure, TokenRangeSet.Where(static _ => true))]), CancellationToken.None);
        }

        Damage(Cart);
        await using var opened = Some.Open(_directory.Path);
        Assert.True(opened.Tenures.IsWhole(Cart.Keyspace, LeafPlace.TokenRangeOf(Cart.Token), tenure));
        var (doubts, changed) = (opened.Doubts, opened.HealthChanged);
        if (isFoundByWrite)
        {
            await Assert.ThrowsAsync<DamagedRecordException>(() => opened.WriteAsync(Cart, Some.Put("eggs")));
        }
        else
        {
            Assert.Throws<DamagedRecordException>(() => opened.Read(Cart));
        }

        await changed.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(1, opened.Health.RecordsSetAside);
        Assert.False(opened.Tenures.IsWhole(Cart.Keyspace, LeafPlace.TokenRangeOf(Cart.Token), tenure));
        Assert.True(opened.Tenures.IsWhole(Other.Keyspace, LeafPlace.TokenRangeOf(Other.Token), tenure));
        Assert.Equal(0UL, opened.Trees.Buckets(Cart.Keyspace, LeafPlace.TokenRangeOf(Cart.Token))[LeafPlace.Of(Cart.Keyspace, Cart.Token).Bucket]);

        // An earlier fetch does not make it whole; a fetch from now on does.
        await opened.HasMetAllAsync(Cart.Keyspace, tenure, [LeafPlace.TokenRangeOf(Cart.Token)], doubts, CancellationToken.None);
        Assert.False(opened.Tenures.IsWhole(Cart.Keyspace, LeafPlace.TokenRangeOf(Cart.Token), tenure));
        await opened.HasMetAllAsync(Cart.Keyspace, tenure, [LeafPlace.TokenRangeOf(Cart.Token)], opened.Doubts, CancellationToken.None);
        Assert.True(opened.Tenures.IsWhole(Cart.Keyspace, LeafPlace.TokenRangeOf(Cart.Token), tenure));

        // The key can be written again, by a new actor.
        Assert.Equal(["eggs"], (await opened.WriteAsync(Cart, Some.Put("eggs"))).State.Texts());
        Assert.Equal(["bread"], opened.Read(Other).Texts());
    }

    [Fact]
    public async Task A_page_begins_inside_the_requested_range_for_any_claimed_end_of_the_last_page()
    {
        await using var replica = Some.Open(_directory.Path);
        await replica.WriteAsync(Some.Key("a", keyspace: 3), Some.Put("x"));
        await replica.WriteAsync(Some.Key("b", keyspace: 7), Some.Put("y"));

        var page = replica.Scan(new KeyspaceId(7), new Token(0), new Token(ulong.MaxValue), Some.Key("", keyspace: 3), 10);

        Assert.Equal([Some.Key("b", keyspace: 7)], page.Select(static record => record.Key));
    }

    private void Damage(EventualKey key)
    {
        using var engine = Some.Engines.OpenJournaled(Path.Combine(_directory.Path, "store"));
        var batch = new EngineBatch();
        batch.Put(RecordLayout.Record(key), [9, 9, 9]);
        engine.Write(batch);
        engine.Flush();
    }

    private static VersionVector Actors(int first, int count) =>
        VersionVector.TryOf([.. Enumerable.Range(first, count).Select(static i => new Dot(new ActorId((ulong)i, 1), 1))])!;
}
