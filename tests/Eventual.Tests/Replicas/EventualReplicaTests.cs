using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Replicas;
using KvRaft.Eventual.Trees;
using KvRaft.Eventual.Values;
using KvRaft.Topology;

namespace KvRaft.Eventual.Tests.Replicas;

public sealed class EventualReplicaTests : IDisposable
{
    private static readonly EventualKey Cart = Some.Key("cart");

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Keeps_values_and_actor_id_over_a_clean_stop()
    {
        await using (var first = Some.Open(_directory.Path))
        {
            await first.WriteAsync(Cart, Some.Put("milk"));
        }

        await using var second = Some.Open(_directory.Path);
        var state = (await second.WriteAsync(Cart, Some.Put("bread"))).State;

        Assert.Equal(["bread", "milk"], state.Texts());
        Assert.Single(state.Seen.Entries);
        Assert.Equal(state, second.Read(Cart));
    }

    // Thousands of small writes to one large record were refused, and the result of each held a state: together gigabytes until their round was over.
    [Fact]
    public async Task Writes_of_one_round_read_a_record_once_and_share_it()
    {
        await using var replica = Some.Open(_directory.Path, new EventualLimits { SiblingsMax = 1 });
        await replica.WriteAsync(Cart, Some.Put("milk"));

        var refused = await Task.WhenAll(Enumerable.Range(0, 500).Select(_ => replica.WriteAsync(Cart, Some.Put("more"))));

        Assert.All(refused, static result => Assert.Equal(WriteEnd.TooManySiblings, result.End));
        Assert.InRange(refused.Select(static result => result.State).Distinct(ReferenceEqualityComparer.Instance).Count(), 1, 250);
    }

    // A crash may have lost writes that other nodes have received; under the old incarnation the replica would issue their dots again.
    [Fact]
    public async Task Has_synced_values_but_a_new_actor_id_after_a_crash()
    {
        await using var running = Some.Open(_directory.Path);
        await running.WriteAsync(Cart, Some.Put("milk"));

        using var disk = _directory.Copy();
        await using var restarted = Some.Open(disk.Path);
        var state = (await restarted.WriteAsync(Cart, Some.Put("bread"))).State;

        Assert.Equal(["bread", "milk"], state.Texts());
        Assert.Equal(2, state.Seen.Entries.Select(static entry => entry.Actor.Incarnation).Distinct().Count());
    }

    [Fact]
    public async Task Two_disks_never_assign_the_same_dot()
    {
        using var other = new TemporaryDirectory();
        await using var left = Some.Open(_directory.Path);
        await using var right = Some.Open(other.Path);

        var states = await Task.WhenAll(left.WriteAsync(Cart, Some.Put("a")), right.WriteAsync(Cart, Some.Put("b")));

        Assert.Equal(["a", "b"], states[0].State.Merge(states[1].State).Texts());
    }

    [Fact]
    public async Task A_record_that_was_handed_over_and_removed_begins_under_a_new_actor_id()
    {
        await using var replica = Some.Open(_directory.Path);
        var first = (await replica.WriteAsync(Cart, Some.Put("milk"))).State;
        await replica.WriteAsync(Cart, new AddHint([new NodeId("n2")]));
        await replica.WriteAsync(Cart, new HandedOver(new NodeId("n2"), replica.HashOf(Cart), static () => false));
        Assert.True(replica.Read(Cart).IsEmpty);

        var second = (await replica.WriteAsync(Cart, Some.Put("bread"))).State;

        Assert.Equal(["bread", "milk"], first.Merge(second).Texts());
    }

    [Fact]
    public async Task One_sync_serves_all_that_wait()
    {
        await using var replica = Some.Open(_directory.Path);

        await Task.WhenAll(Enumerable.Range(0, 2000).Select(i => replica.WriteAsync(Some.Key($"k{i}"), Some.Put("v"))));

        Assert.InRange(replica.SyncCount, 1, 1000);
        Assert.All(Enumerable.Range(0, 2000), i => Assert.Equal(["v"], replica.Read(Some.Key($"k{i}")).Texts()));
    }

    [Fact]
    public async Task A_write_that_requires_no_sync_causes_none()
    {
        await using var replica = Some.Open(_directory.Path);

        await replica.WriteAsync(Cart, Some.Put("milk"), durable: false);

        Assert.Equal(0, replica.SyncCount);
        Assert.Equal(["milk"], replica.Read(Cart).Texts());
    }

    [Fact]
    public async Task A_repeated_write_changes_nothing_while_its_value_exists()
    {
        await using var replica = Some.Open(_directory.Path);

        var first = await replica.WriteAsync(Cart, Some.Put("milk", writeId: Some.WriteId(1, "milk")));

        Assert.Equal(first, await replica.WriteAsync(Cart, Some.Put("milk", writeId: Some.WriteId(1, "milk"))));
        Assert.Equal(["milk", "milk"], (await replica.WriteAsync(Cart, Some.Put("milk", writeId: Some.WriteId(2, "milk")))).State.Texts());
    }

    [Fact]
    public async Task The_last_writer_needs_no_context()
    {
        await using var replica = Some.Open(_directory.Path);

        await replica.WriteAsync(Cart, Some.Put("old", policy: ConflictPolicy.LastWriter));

        Assert.Equal(["new"], (await replica.WriteAsync(Cart, Some.Put("new", policy: ConflictPolicy.LastWriter))).State.Texts());
    }

    [Fact]
    public async Task A_context_with_writes_that_were_never_made_is_refused()
    {
        await using var replica = Some.Open(_directory.Path);
        var seen = (await replica.WriteAsync(Cart, Some.Put("milk"))).State.Seen;
        var own = seen.Entries[0];

        VersionVector[] madeUp = [seen.With(own with { Counter = 2 }), seen.With(new Dot(own.Actor with { Epoch = own.Actor.Epoch + 1 }, 1))];

        foreach (var context in madeUp)
        {
            Assert.Equal(WriteEnd.ContextAhead, (await replica.WriteAsync(Cart, Some.Put("bread", context))).End);
            Assert.Equal(WriteEnd.ContextAhead, (await replica.WriteAsync(Cart, new DeleteSeen(ConflictPolicy.Siblings, context))).End);
        }

        Assert.Equal(["milk"], replica.Read(Cart).Texts());
    }

    [Fact]
    public async Task Clients_may_not_exceed_the_sibling_limit_but_replicas_accept_acknowledged_values()
    {
        var limits = new EventualLimits { SiblingsMax = 2, SiblingBytesMax = 10 };
        await using var replica = Some.Open(_directory.Path, limits);
        await replica.WriteAsync(Cart, Some.Put("a"));
        var two = (await replica.WriteAsync(Cart, Some.Put("b"))).State;

        // The refusal of the node reports the size that the write would have made.
        var refused = await replica.WriteAsync(Cart, Some.Put("c"));
        Assert.Equal((WriteEnd.TooManySiblings, new RefusedSize(3, 3)), (refused.End, refused.Refused));
        refused = await replica.WriteAsync(Cart, Some.Put("much too long", two.Seen));
        Assert.Equal((WriteEnd.TooManySiblings, new RefusedSize(1, 13)), (refused.End, refused.Refused));
        Assert.Equal(two, replica.Read(Cart));

        using var disk = new TemporaryDirectory();
        await using var other = Some.Open(disk.Path, limits);
        await other.WriteAsync(Cart, Some.Put("d"));
        var three = (await replica.WriteAsync(Cart, new TakeState(other.Read(Cart), null))).State;

        Assert.Equal(["a", "b", "d"], three.Texts());
        Assert.Equal(["e"], (await replica.WriteAsync(Cart, Some.Put("e", three.Seen))).State.Texts());
    }

    [Fact]
    public async Task A_counter_counts_and_refuses_other_operations()
    {
        await using var replica = Some.Open(_directory.Path);

        await replica.WriteAsync(Cart, new ChangeValue(new AddToCounter(5), Some.WriteId(1, "+5")));
        await replica.WriteAsync(Cart, new ChangeValue(new AddToCounter(5), Some.WriteId(1, "+5")));
        var state = (await replica.WriteAsync(Cart, new ChangeValue(new AddToCounter(-2), Some.WriteId(2, "-2")))).State;

        Assert.Equal(3, ((PnCounter)SiblingValues.Merge(state, MergeKind.Counter)!).Value);
        Assert.Equal(WriteEnd.NotApplicable, (await replica.WriteAsync(Cart, new ChangeValue(new WriteRegister("x"u8.ToArray()), Some.WriteId(3, "x")))).End);
    }

    /// <summary>Only the identity was compared, so the second write was acknowledged and lost.</summary>
    [Theory]
    [InlineData(ConflictPolicy.Siblings), InlineData(ConflictPolicy.LastWriter)]
    public async Task A_put_under_the_identity_of_another_put_is_refused_and_a_repeat_is_not(ConflictPolicy policy)
    {
        await using var replica = Some.Open(_directory.Path);
        var first = Some.Put("first", writeId: Some.WriteId(1, "first"), policy: policy);
        var state = (await replica.WriteAsync(Cart, first)).State;

        Assert.Equal(WriteEnd.IdentityReused, (await replica.WriteAsync(Cart, Some.Put("SECOND", writeId: Some.WriteId(1, "SECOND"), policy: policy))).End);
        Assert.Equal(WriteEnd.IdentityReused, (await replica.WriteAsync(Cart, Some.Put("SECOND", state.Seen, Some.WriteId(1, "SECOND"), policy))).End);
        Assert.Equal(new WriteResult(WriteEnd.Applied, state), await replica.WriteAsync(Cart, first));
        Assert.Equal(new WriteResult(WriteEnd.Applied, state), await replica.WriteAsync(Cart, first with { OnlyAsRepeat = true }));
        Assert.Equal(["first"], replica.Read(Cart).Texts());
        Assert.Equal(WriteEnd.Applied, (await replica.WriteAsync(Cart, Some.Put("third", state.Seen, Some.WriteId(2, "third"), policy))).End);
    }

    [Fact]
    public async Task A_change_under_the_identity_of_another_change_is_refused()
    {
        await using var replica = Some.Open(_directory.Path);
        await replica.WriteAsync(Cart, new ChangeValue(new AddToCounter(1), Some.WriteId(1, "+1")));

        Assert.Equal(WriteEnd.IdentityReused, (await replica.WriteAsync(Cart, new ChangeValue(new AddToCounter(10), Some.WriteId(1, "+10")))).End);
        Assert.Equal(1, ((PnCounter)SiblingValues.Merge(replica.Read(Cart), MergeKind.Counter)!).Value);
    }

    /// <summary>A setting may forbid a write after it was applied. Its repeat still gets the first answer, and another write is not applied.</summary>
    [Fact]
    public async Task A_write_that_is_allowed_only_as_a_repeat_changes_nothing()
    {
        await using var replica = Some.Open(_directory.Path);
        var add = new ChangeValue(new AddToCounter(1), Some.WriteId(1, "+1"));
        await replica.WriteAsync(Cart, add);

        Assert.Equal(WriteEnd.Applied, (await replica.WriteAsync(Cart, add with { OnlyAsRepeat = true })).End);
        Assert.Equal(WriteEnd.NoRepeat, (await replica.WriteAsync(Cart, add with { WriteId = Some.WriteId(2, "+1"), OnlyAsRepeat = true })).End);
        Assert.Equal(WriteEnd.NoRepeat, (await replica.WriteAsync(Cart, add with { WriteId = WriteName.None, OnlyAsRepeat = true })).End);
        Assert.Equal(1, ((PnCounter)SiblingValues.Merge(replica.Read(Cart), MergeKind.Counter)!).Value);
    }

    [Fact]
    public async Task Trees_and_hints_are_those_of_the_records_over_a_restart()
    {
        ulong[] roots;
        await using (var first = Some.Open(_directory.Path))
        {
            for (var i = 0; i < 300; i++)
            {
                await first.WriteAsync(Some.Key($"k{i % 100}"), Some.Put($"v{i}"), durable: i % 7 == 0);
            }

            await first.WriteAsync(Cart, Some.Put("milk"));
            await first.WriteAsync(Cart, new AddHint([new NodeId("n2"), new NodeId("n3")]));
            roots = first.Trees.Roots(Cart.Keyspace);
            Assert.Equal(Recounted(first), roots);
        }

        await using var second = Some.Open(_directory.Path);

        Assert.Equal(roots, second.Trees.Roots(Cart.Keyspace));
        Assert.Equal([new NodeId("n2"), new NodeId("n3")], second.Hints.Backlogs().Select(static backlog => backlog.Node));
        Assert.Equal(Cart, second.Hints.Take(new NodeId("n3"), 10).Single().Key);
    }

    [Fact]
    public async Task Equal_records_make_equal_trees_for_any_history()
    {
        using var disk = new TemporaryDirectory();
        await using var left = Some.Open(_directory.Path);
        await using var right = Some.Open(disk.Path);
        var state = (await left.WriteAsync(Cart, Some.Put("milk"))).State;
        await right.WriteAsync(Cart, new TakeState(SiblingSet.Empty.Write(VersionVector.Empty, Causality.Some.Value(9, 1, "x")), null));
        await right.WriteAsync(Cart, new TakeState(state, null));
        await left.WriteAsync(Cart, new TakeState(right.Read(Cart), null));

        Assert.Equal(left.Trees.Roots(Cart.Keyspace), right.Trees.Roots(Cart.Keyspace));
        Assert.NotEqual(new ulong[LeafPlace.TokenRanges], left.Trees.Roots(Cart.Keyspace));
    }

    [Fact]
    public async Task A_tombstone_is_removed_only_if_it_is_the_confirmed_one()
    {
        await using var replica = Some.Open(_directory.Path);
        var seen = (await replica.WriteAsync(Cart, Some.Put("milk"))).State.Seen;
        await replica.WriteAsync(Cart, new DeleteSeen(ConflictPolicy.Siblings, seen));
        var hash = replica.HashOf(Cart);

        await replica.WriteAsync(Cart, new RemoveTombstone(hash + 1));
        Assert.True(replica.Read(Cart).IsTombstone);
        await replica.WriteAsync(Cart, new RemoveTombstone(hash));

        Assert.True(replica.Read(Cart).IsEmpty);
        Assert.Equal(new ulong[LeafPlace.TokenRanges], replica.Trees.Roots(Cart.Keyspace));
    }

    [Fact]
    public async Task A_dropped_keyspace_leaves_nothing_and_its_neighbours_everything()
    {
        await using var replica = Some.Open(_directory.Path);
        var (gone, stays) = (Some.Key("k", keyspace: 7), Some.Key("k", keyspace: 8));
        await Task.WhenAll(replica.WriteAsync(gone, Some.Put("a")), replica.WriteAsync(stays, Some.Put("b")));
        await replica.WriteAsync(gone, new AddHint([new NodeId("n2")]));

        await replica.DropAsync(gone.Keyspace, CancellationToken.None);

        Assert.True(replica.Read(gone).IsEmpty);
        Assert.Empty(replica.Hints.Backlogs());
        Assert.Equal([stays.Keyspace], replica.Trees.Keyspaces());
        Assert.Equal(["b"], replica.Read(stays).Texts());
    }

    private static ulong[] Recounted(EventualReplica replica)
    {
        var trees = new HashTrees();
        foreach (var found in replica.Scan(Cart.Keyspace, default, new Token(ulong.MaxValue), null, 1000))
        {
            trees.Replace(LeafPlace.Of(Cart.Keyspace, found.Key.Token), 0, found.Hash);
        }

        return trees.Roots(Cart.Keyspace);
    }

    [Fact]
    public async Task The_keys_with_the_most_values_are_known_and_counted_over_a_restart()
    {
        var (crowd, pair, single) = (Some.Key("crowd"), Some.Key("pair"), Some.Key("single"));
        await using (var replica = Some.Open(_directory.Path))
        {
            foreach (var (key, count) in new[] { (pair, 2), (crowd, CrowdedKeys.SiblingsWarning), (single, 1), (Some.Key("elsewhere", keyspace: 8), 3) })
            {
                for (var i = 0; i < count; i++)
                {
                    await replica.WriteAsync(key, Some.Put($"v{i}"));
                }
            }

            Assert.Equal((3, 1), (replica.Crowded.Several, replica.Crowded.Warned));
        }

        await using var restarted = Some.Open(_directory.Path);
        Assert.Equal((3, 1), (restarted.Crowded.Several, restarted.Crowded.Warned));
        Assert.Equal([new CrowdedKey(crowd, 25, 65), new CrowdedKey(pair, 2, 4)], restarted.MostCrowded(crowd.Keyspace, 10));
        Assert.Equal([crowd], restarted.MostCrowded(crowd.Keyspace, 1).Select(static found => found.Key));

        await restarted.WriteAsync(crowd, Some.Put("one", restarted.Read(crowd).Seen));
        await restarted.DropAsync(new KeyspaceId(8), CancellationToken.None);
        Assert.Equal((1, 0), (restarted.Crowded.Several, restarted.Crowded.Warned));
        Assert.Equal([pair], restarted.MostCrowded(crowd.Keyspace, 10).Select(static found => found.Key));
    }
}
