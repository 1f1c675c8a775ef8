using System.Collections.Immutable;
using KvRaft.Node.Shards;
using KvRaft.Placement.State;
using KvRaft.Raft.Membership;
using KvRaft.Topology;

namespace KvRaft.Node.Tests.Shards;

public sealed class ShardReconcilerTests
{
    private static readonly NodeId Self = new("n1");
    private static readonly NodeId Other = new("n2");

    [Fact]
    public void Opens_replicas_that_the_map_assigns_with_all_their_voters()
    {
        var changes = Diff(Map([Here(1), There(1)], [There(1)]), []);

        var wish = Assert.Single(changes.Open);
        Assert.Equal((new ShardId(0), 1), (wish.Shard, wish.Incarnation));
        Assert.Equal([new GroupVoter(Self, 1), new GroupVoter(Other, 1)], wish.Voters);
        Assert.False(wish.IsLearner);
        Assert.Empty(changes.Close);
    }

    [Fact]
    public void Closes_replicas_that_the_map_no_longer_assigns()
    {
        var changes = Diff(Map([There(1)], [Here(1)]), [Running(0, 1), Running(1, 1)]);

        Assert.Equal([Running(0, 1)], changes.Close);
        Assert.Empty(changes.Open);
    }

    [Fact]
    public void Another_incarnation_is_another_replica()
    {
        var changes = Diff(Map([Here(2)]), [Running(0, 1)]);

        Assert.Equal([Running(0, 1)], changes.Close);
        Assert.Equal(2, Assert.Single(changes.Open).Incarnation);
    }

    [Fact]
    public void Opens_the_target_of_a_move_as_a_learner_of_the_voters()
    {
        var move = new ShardMove(new ShardId(1), There(1), Here(2), IsCancelling: false);
        var changes = ShardReconciler.Diff(Map([Here(1)], [There(1)]), [move], Self, [Running(0, 1)]);

        var wish = Assert.Single(changes.Open);
        Assert.Equal((new ShardId(1), 2, true), (wish.Shard, wish.Incarnation, wish.IsLearner));
        Assert.Equal([new GroupVoter(Other, 1)], wish.Voters);
        Assert.Empty(changes.Close);
        Assert.True(ShardReconciler.Diff(Map([Here(1)], [There(1)]), [move], Self, [Running(0, 1), Running(1, 2)]).IsEmpty);
    }

    [Fact]
    public void Keeps_the_source_of_a_move_until_the_map_changes()
    {
        var move = new ShardMove(new ShardId(0), Here(1), There(2), IsCancelling: false);
        Assert.True(ShardReconciler.Diff(Map([Here(1)]), [move], Self, [Running(0, 1)]).IsEmpty);
    }

    [Fact]
    public void A_replica_that_a_move_created_is_always_opened_as_a_learner() =>
        Assert.True(Assert.Single(Diff(Map([Here(2)]), []).Open).IsLearner);

    [Fact]
    public void Without_a_map_nothing_is_closed() =>
        Assert.True(Diff(null, [Running(0, 1)]).IsEmpty);

    [Fact]
    public void Doing_the_difference_twice_does_nothing_the_second_time()
    {
        var map = Map([Here(1)], [There(1)], [Here(3), There(1)]);
        var changes = Diff(map, [Running(1, 1), Running(2, 2)]);
        var after = changes.Open.Select(wish => new RunningReplica(wish.Shard, wish.Incarnation));

        Assert.True(Diff(map, after).IsEmpty);
    }

    private static ReplicaChanges Diff(ShardMap? map, IEnumerable<RunningReplica> running) => ShardReconciler.Diff(map, [], Self, running);

    private static RunningReplica Running(int shard, int incarnation) => new(new ShardId(shard), incarnation);

    private static Replica Here(int incarnation) => new(Self, incarnation);

    private static Replica There(int incarnation) => new(Other, incarnation);

    /// <summary>A map needs a power of two of shards; the rest are elsewhere.</summary>
    private static ShardMap Map(params Replica[][] shards)
    {
        var all = Enumerable.Range(0, 4).Select(i => i < shards.Length ? shards[i].ToImmutableArray() : [There(1)]).ToArray();
        return ShardMap.Create(new Epoch(1), 1, KeyHash.Seed, all);
    }
}
