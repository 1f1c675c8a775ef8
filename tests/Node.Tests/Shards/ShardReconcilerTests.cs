using System.Collections.Immutable;
using KvRaft.Node.Shards;
using KvRaft.Raft;
using KvRaft.Topology;

namespace KvRaft.Node.Tests.Shards;

public sealed class ShardReconcilerTests
{
    private static readonly NodeId Self = new("n1");
    private static readonly NodeId Other = new("n2");

    [Fact]
    public void Opens_what_the_map_puts_here_with_all_its_voters()
    {
        var changes = ShardReconciler.Diff(Map([Here(1), There(1)], [There(1)]), Self, []);

        var wish = Assert.Single(changes.Open);
        Assert.Equal((new ShardId(0), 1), (wish.Shard, wish.Incarnation));
        Assert.Equal([new GroupVoter(Self, 1), new GroupVoter(Other, 1)], wish.Voters);
        Assert.Empty(changes.Close);
    }

    [Fact]
    public void Closes_what_the_map_no_longer_puts_here()
    {
        var changes = ShardReconciler.Diff(Map([There(1)], [Here(1)]), Self, [Running(0, 1), Running(1, 1)]);

        Assert.Equal([Running(0, 1)], changes.Close);
        Assert.Empty(changes.Open);
    }

    [Fact]
    public void Another_incarnation_is_another_replica()
    {
        var changes = ShardReconciler.Diff(Map([Here(2)]), Self, [Running(0, 1)]);

        Assert.Equal([Running(0, 1)], changes.Close);
        Assert.Equal(2, Assert.Single(changes.Open).Incarnation);
    }

    [Fact]
    public void Without_a_map_nothing_is_closed() =>
        Assert.True(ShardReconciler.Diff(null, Self, [Running(0, 1)]).IsEmpty);

    [Fact]
    public void Doing_the_difference_twice_does_nothing_the_second_time()
    {
        var map = Map([Here(1)], [There(1)], [Here(3), There(1)]);
        var changes = ShardReconciler.Diff(map, Self, [Running(1, 1), Running(2, 2)]);
        var after = changes.Open.Select(wish => new RunningReplica(wish.Shard, wish.Incarnation));

        Assert.True(ShardReconciler.Diff(map, Self, after).IsEmpty);
    }

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
