using System.Collections.Immutable;
using System.Text;
using CsCheck;

namespace KvRaft.Topology.Tests;

public class ShardMapTests
{
    private static readonly NodeId A = new("a");
    private static readonly NodeId B = new("b");
    private static readonly NodeId C = new("c");

    [Fact]
    public void Lookup_finds_the_only_shard_whose_token_range_holds_the_token() =>
        Gen.Select(Gen.Int[0, 12].Select(power => 1 << power), Gen.ULong.Select(value => new Token(value))).Sample((count, token) =>
        {
            var map = Map(count);
            var holders = map.Shards.Where(shard => shard.Range.Contains(token)).ToArray();
            Assert.Equal(map.ShardOf(token), Assert.Single(holders).Id);
        });

    [Fact]
    public void Lookup_is_right_at_every_border() =>
        Gen.Int[0, 12].Select(power => 1 << power).Sample(count => Assert.All(Map(count).Shards, shard =>
        {
            Assert.Equal(shard.Id, Map(count).ShardOf(shard.Range.Start));
            Assert.Equal(shard.Id, Map(count).ShardOf(new Token(unchecked(shard.Range.End.Value - 1))));
        }), iter: 13);

    [Fact]
    public void A_key_is_found_by_its_keyspace_and_rule()
    {
        var map = Map(256);
        var carts = new KeyspaceDescriptor { Id = new KeyspaceId(7), Name = "carts", Routing = RoutingRule.Tag };
        var key = Encoding.UTF8.GetBytes("cart:{42}:items");
        Assert.Equal(map.ShardOf(KeyHash.TokenOf(KeyHash.Seed, carts.Id, RoutingRule.Tag, key)), map.ShardOf(carts, key));
        Assert.Equal(map.ShardOf(carts, Encoding.UTF8.GetBytes("{42}")), map.ShardOf(carts, key));
    }

    [Fact]
    public void Shard_s_is_served_by_group_s_plus_one() =>
        Assert.Equal(new GroupId(4), Map(8)[new ShardId(3)].Group);

    [Fact]
    public void New_replicas_make_a_new_epoch_and_leave_the_old_map_alone()
    {
        var old = Map(4);
        var next = old.WithReplicas(new ShardId(2), [new(B, 1), new(C, 5)]);
        Assert.Equal(new Epoch(2), next.Epoch);
        Assert.Equal([new Replica(B, 1), new Replica(C, 5)], next[new ShardId(2)].Replicas);
        Assert.Equal([new Replica(A, 1), new Replica(B, 1)], old[new ShardId(2)].Replicas);
        Assert.Equal(old[new ShardId(1)], next[new ShardId(1)]);
        Assert.Equal([2], next.ShardsOn(C).Select(shard => shard.Id.Value));
    }

    [Fact]
    public void A_leader_hint_changes_no_epoch_and_an_older_term_changes_nothing()
    {
        var shard = new ShardId(1);
        var map = Map(4).WithLeader(shard, new LeaderHint(A, 7));
        Assert.Equal(new Epoch(1), map.Epoch);
        Assert.Same(map, map.WithLeader(shard, new LeaderHint(B, 6)));
        Assert.Equal(new LeaderHint(B, 8), map.WithLeader(shard, new LeaderHint(B, 8))[shard].Leader);
        Assert.Null(map.WithoutLeader(shard)[shard].Leader);
    }

    [Fact]
    public void A_leader_hint_goes_with_its_replica()
    {
        var shard = new ShardId(1);
        var map = Map(4).WithLeader(shard, new LeaderHint(A, 7));
        Assert.Equal(new LeaderHint(A, 7), map.WithReplicas(shard, [new(A, 1), new(C, 1)])[shard].Leader);
        Assert.Null(map.WithReplicas(shard, [new(B, 1), new(C, 1)])[shard].Leader);
    }

    [Fact]
    public void An_epoch_only_grows()
    {
        Assert.Equal(new Epoch(9), Map(2).WithEpoch(new Epoch(9)).Epoch);
        Assert.Throws<ArgumentOutOfRangeException>(() => Map(2).WithEpoch(new Epoch(1)));
    }

    [Fact]
    public void A_new_map_contains_the_assignment()
    {
        var assignment = ShardAssignment.Of(HashRing.Of([new RingNode(A), new RingNode(B), new RingNode(C)]), 16, 2);
        var map = ShardMap.Create(assignment);
        Assert.Equal(KeyHash.Seed, map.HashSeed);
        Assert.All(map.Shards, shard => Assert.Equal(assignment[shard.Id].Select(node => new Replica(node, 1)), shard.Replicas));
        Assert.Equal(0, ShardAssignment.Of(map).MovedSince(assignment));
        Assert.Equal(map, ShardMap.Create(assignment));
    }

    [Fact]
    public void Refuses_odd_counts_and_shards_with_no_or_double_replicas()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Map(3));
        Assert.Throws<ArgumentOutOfRangeException>(() => Map(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Map(8192));
        Assert.Throws<ArgumentException>(() => Map(2).WithReplicas(new ShardId(0), []));
        Assert.Throws<ArgumentException>(() => Map(2).WithReplicas(new ShardId(0), [new(A, 1), new(A, 2)]));
    }

    private static ShardMap Map(int shards) => ShardMap.Create(
        new Epoch(1), 2, KeyHash.Seed, [.. Enumerable.Repeat<ImmutableArray<Replica>>([new(A, 1), new(B, 1)], shards)]);
}
