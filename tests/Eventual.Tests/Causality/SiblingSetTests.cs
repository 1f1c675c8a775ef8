using CsCheck;
using KvRaft.Eventual.Causality;

namespace KvRaft.Eventual.Tests.Causality;

public class SiblingSetTests
{
    [Fact]
    public void Shows_exactly_the_values_that_no_known_write_has_replaced() => Histories.Any.Sample(
        static history =>
        {
            var play = new CausalHistory(history.Replicas);
            foreach (var step in history.Steps)
            {
                play.Play(step);
                Assert.Null(play.Difference());
            }

            play.SyncAll();
            Assert.Null(play.Difference());
            Assert.Single(play.States.Distinct());
        },
        iter: 10_000);

    [Fact]
    public void Merging_is_commutative_associative_and_idempotent_and_loses_nothing() => Histories.States.Sample(
        static states =>
        {
            var (a, b, c) = (states[0], states[1], states[2]);
            Assert.Equal(a, a.Merge(a));
            Assert.Equal(a.Merge(b), b.Merge(a));
            Assert.Equal(a.Merge(b).Merge(c), a.Merge(b.Merge(c)));
            Assert.True(a.Merge(b).Descends(a));
            Assert.True(a.Merge(b).Descends(b));
        },
        iter: 10_000);

    [Fact]
    public void Two_writes_from_one_context_through_one_replica_are_both_there()
    {
        var one = SiblingSet.Empty.Write(VersionVector.Empty, Some.Value(1, 1, "a")).Write(VersionVector.Empty, Some.Value(1, 2, "b"));

        Assert.Equal(["a", "b"], Some.Texts(one));
        Assert.Equal(["c"], Some.Texts(one.Write(one.Seen, Some.Value(1, 3, "c"))));
    }

    [Fact]
    public void Values_that_a_delete_has_seen_do_not_return_and_others_remain()
    {
        var first = SiblingSet.Empty.Write(VersionVector.Empty, Some.Value(1, 1, "a"));
        var second = first.Write(VersionVector.Empty, Some.Value(2, 1, "b"));

        var deleted = first.Delete(first.Seen);

        Assert.True(deleted.IsTombstone);
        Assert.Equal(deleted, deleted.Merge(first));
        Assert.Equal(["b"], Some.Texts(deleted.Merge(second)));
    }

    [Fact]
    public void A_value_that_expired_on_one_side_is_gone_on_both()
    {
        var both = SiblingSet.Empty.Write(VersionVector.Empty, Some.Value(1, 1, "a") with { ExpireAtMs = 100 });

        Assert.Same(both, both.Expire(99));
        Assert.True(both.Expire(100).Merge(both).IsTombstone);
    }

    [Fact]
    public void A_dot_that_exists_already_is_an_invariant_violation() => Assert.Throws<Topology.InvariantException>(() =>
        SiblingSet.Empty.Write(VersionVector.Empty, Some.Value(1, 2, "a")).Write(VersionVector.Empty, Some.Value(1, 1, "b")));
}
