using System.Collections.Immutable;
using CsCheck;
using KvRaft.Client.Routing;
using KvRaft.Topology;
using KvRaft.V1;
using RoutingRule = KvRaft.V1.RoutingRule;

namespace KvRaft.Client.Tests.Routing;

public sealed class RouteTableTests
{
    [Fact]
    public void Finds_the_shard_that_the_nodes_find()
    {
        Gen.Select(Gen.Int[0, 8], Gen.Byte.Array, Gen.UInt[1, 50], Gen.Bool).Sample((bits, key, id, tag) =>
        {
            var count = 1 << bits;
            var replicas = Enumerable.Repeat(ImmutableArray.Create(new Replica(new NodeId("n1"), 1)), count).ToArray();
            var truth = ShardMap.Create(new Epoch(1), 1, KeyHash.Seed, replicas);
            var map = new RouteMap { ShardCount = count, HashSeed = KeyHash.Seed, Epoch = 1 };
            map.Keyspaces.Add(new KeyspaceInfo { Id = (int)id, Name = "k", Routing = tag ? RoutingRule.Tag : RoutingRule.WholeKey });

            var expected = truth.ShardOf(new KeyspaceId(id), tag ? Topology.RoutingRule.Tag : Topology.RoutingRule.WholeKey, key);

            Assert.Equal(expected.Value, new RouteTable(map).ShardOf("k", key));
        });
    }

    [Fact]
    public void Without_the_keyspace_the_shard_is_unknown()
    {
        Assert.Null(new RouteTable(Maps.ThreeNodes(epoch: 1)).ShardOf("nowhere", "x"u8));
        Assert.Null(RouteTable.Empty.ShardOf("default", "x"u8));
    }

    [Fact]
    public void A_leader_of_an_older_term_changes_nothing()
    {
        var table = new RouteTable(Maps.ThreeNodes(epoch: 1)).WithLeader(2, "n2", 7);

        Assert.Same(table, table.WithLeader(2, "n3", 6));
        Assert.Same(table, table.WithLeader(2, null, 7));
        Assert.Equal("n3", table.WithLeader(2, "n3", 8).Shard(2).Leader);
        Assert.Null(table.WithLeader(2, null, 8).Shard(2).Leader);
        Assert.Same(table, table.WithLeader(999, "n1", 1));
    }

    [Fact]
    public void The_cache_takes_only_newer_maps_and_keeps_newer_leaders()
    {
        var cache = new RouteCache();
        Assert.True(cache.Offer(Maps.ThreeNodes(epoch: 5)));
        cache.Offer(new RouteHint { Shard = 1, LeaderNode = "n3", Term = 40 });

        Assert.False(cache.Offer(Maps.ThreeNodes(epoch: 4)));
        Assert.True(cache.Offer(Maps.ThreeNodes(epoch: 6)));

        Assert.Equal(6, cache.Table.Epoch);
        Assert.Equal("n3", cache.Table.Shard(1).Leader);
    }

    [Fact]
    public void The_cache_takes_the_map_of_a_new_cluster_with_any_epoch()
    {
        var cache = new RouteCache();
        cache.Offer(Maps.ThreeNodes(epoch: 5));
        var other = Maps.ThreeNodes(epoch: 1);
        other.ClusterId = "another";

        Assert.True(cache.Offer(other));
        Assert.Equal(1, cache.Table.Epoch);
    }

    [Fact]
    public void The_cache_takes_leaders_from_answers()
    {
        var cache = new RouteCache();
        cache.Offer(Maps.ThreeNodes(epoch: 5));

        cache.Learn(new ResponseHeader { Shard = 0, ServedBy = "n2", RoleServed = ServedRole.Leader, Term = 3 });
        cache.Learn(new ResponseHeader { Shard = 0, ServedBy = "n3", RoleServed = ServedRole.Follower, Term = 4 });

        Assert.Equal("n2", cache.Table.Shard(0).Leader);
    }
}
