using KvRaft.Placement.Planning;
using KvRaft.Placement.State;
using KvRaft.Placement.Tests.Planning;
using KvRaft.Topology;

namespace KvRaft.Simulation.Tests.Placement;

/// <summary>The planner, the rules and the decisions of the driver together, over minutes of simulated cluster time. Each failure names its seed.</summary>
public class PlacementSimulationTests
{
    [Fact]
    public void A_cluster_becomes_idle_and_balanced_after_joins_failures_flaps_and_plans()
    {
        for (var seed = 1; seed <= 10; seed++)
        {
            RunOne(seed);
        }
    }

    [Trait("Category", "Long")]
    [Fact]
    public void A_cluster_becomes_idle_and_balanced_for_a_thousand_seeds()
    {
        for (var seed = 1_000; seed < 2_000; seed++)
        {
            RunOne(seed);
        }
    }

    [Fact]
    public void Shards_and_leaders_are_balanced_from_three_to_nine_nodes_and_back()
    {
        var world = new World(seed: 7, nodes: 3, shardCount: 32, replicationFactor: 3);
        Rest(world, 7);
        var joined = new List<NodeId>();
        while (world.State.Nodes.Length < 9)
        {
            joined.Add(world.Join());
            world.Tick();
            Assert.True(world.Commit(new TopologyChange(TopologyChangeKind.Add, joined[^1])));
            Rest(world, 7);
            AssertFair(world);
        }

        foreach (var node in joined)
        {
            Assert.True(world.Commit(new TopologyChange(TopologyChangeKind.Decommission, node)));
            Rest(world, 7);
            AssertFair(world);
        }

        Assert.Equal(3, world.State.Nodes.Length);
    }

    [Fact]
    public void Shares_follow_the_weights_from_three_to_nine_nodes()
    {
        var world = new World(seed: 11, nodes: 3, shardCount: 32, replicationFactor: 3);
        for (var nodes = 4; nodes <= 9; nodes++)
        {
            var node = world.Join();
            world.Tick();
            Assert.True(world.Commit(
                new TopologyChange(TopologyChangeKind.Add, node), new TopologyChange(TopologyChangeKind.Weight, node, Weight: 0.5 * (nodes % 4 + 1))));
            Rest(world, 11);
            AssertFair(world);
        }

        Assert.True(world.Commit(new TopologyChange(TopologyChangeKind.Weight, world.State.Nodes[0].Id, Weight: 2)));
        Rest(world, 11);
        AssertFair(world);
    }

    [Fact]
    public void A_node_that_joins_a_large_cluster_moves_no_more_than_its_share()
    {
        var world = new World(seed: 3, nodes: 90, shardCount: 256, replicationFactor: 3, zones: 5);
        for (var i = 0; i < 5; i++)
        {
            var node = world.Join();
            world.Tick();
            var plan = world.PlanFor(new TopologyChange(TopologyChangeKind.Add, node))!;

            // A fair share of 768 replicas on about 90 nodes is 8 or 9. Bounds hold to within one replica.
            Assert.InRange(plan.Moves.Length, 1, 10);
            Assert.True(world.Commit(new TopologyChange(TopologyChangeKind.Add, node)));
            Rest(world, 3);
        }
    }

    /// <summary>With as many nodes as a cluster may have.</summary>
    [Trait("Category", "Long")]
    [Fact]
    public void A_thousand_nodes_that_join_fail_flap_and_leave_become_idle()
    {
        const int Seed = 13;
        var random = new Random(Seed);
        var world = new World(Seed, nodes: PlacementLimits.NodesMax - 40, shardCount: 4096, replicationFactor: 3, zones: 7);
        for (var turn = 0; turn < 40; turn++)
        {
            var nodes = world.State.Nodes;
            var node = nodes[random.Next(nodes.Length)].Id;
            switch (turn % 4)
            {
                case 0:
                    var newcomer = world.Join();
                    world.Tick();
                    world.Commit(new TopologyChange(TopologyChangeKind.Add, newcomer));
                    break;
                case 1:
                    world.Alive.Remove(node);
                    break;
                case 2:
                    world.Commit(new TopologyChange(TopologyChangeKind.Decommission, node));
                    break;
                default:
                    world.Alive.UnionWith(nodes.Select(static each => each.Id));
                    break;
            }

            for (var second = 0; second < 5 + (turn % 3 * 35); second++)
            {
                world.Tick();
            }
        }

        world.Alive.UnionWith(world.State.Nodes.Select(static node => node.Id));
        Rest(world, Seed);
        Rebalance(world, Seed);
        TestContext.Current.TestOutputHelper?.WriteLine($"{world.State.Nodes.Length} nodes, {world.Moves} moves, {world.Transfers} leaders handed over");
    }

    [Fact]
    public void A_dead_node_is_replaced_after_the_delay_and_its_return_changes_nothing()
    {
        var world = new World(seed: 5, nodes: 5, shardCount: 16, replicationFactor: 3);
        Rest(world, 5);
        var dead = world.State.Nodes[0].Id;
        world.Alive.Remove(dead);
        for (var second = 0; second < 50; second++)
        {
            world.Tick();
        }

        Assert.NotEmpty(world.State.Map!.ShardsOn(dead));
        Rest(world, 5, atLeast: 60);
        Assert.Empty(world.State.Map.ShardsOn(dead));
        Assert.Equal(NodeStanding.Joined, world.State.FindNode(dead)!.Standing);
        world.Alive.Add(dead);
        var moves = world.Moves;
        Rest(world, 5, atLeast: 60);
        Assert.Equal(moves, world.Moves);
    }

    [Fact]
    public void Without_a_substitute_for_a_dead_node_no_shard_moves()
    {
        var world = new World(seed: 5, nodes: 3, shardCount: 4, replicationFactor: 3);
        world.Alive.Remove(world.State.Nodes[0].Id);
        Rest(world, 5, atLeast: 200);
        Assert.Equal(0, world.Moves);
        Assert.Empty(world.State.Operations.History);
    }

    private static void RunOne(int seed)
    {
        var random = new Random(seed);
        var world = new World(seed, nodes: random.Next(3, 8), shardCount: 16, replicationFactor: 3, zones: random.Next(0, 4));
        try
        {
            for (var second = 0; second < 400; second++)
            {
                if (random.Next(5) == 0)
                {
                    world.Chance();
                }

                world.Tick();
            }

            world.Alive.UnionWith(world.State.Nodes.Select(static node => node.Id));
            foreach (var node in world.State.Nodes.Where(static node => node.Standing == NodeStanding.Draining))
            {
                world.Drain(node.Id, drain: false);
            }

            Rest(world, seed);
            foreach (var node in world.State.Nodes.Where(static node => node.Standing == NodeStanding.Leaving))
            {
                // A node whose moves were cancelled keeps its standing until it is added again.
                Assert.True(world.Commit(new TopologyChange(TopologyChangeKind.Add, node.Id)));
                Rest(world, seed);
            }

            Rebalance(world, seed);
            AssertFair(world);
        }
        catch (Exception error)
        {
            throw new InvalidOperationException($"Seed {seed}: {error.Message}", error);
        }
    }

    /// <summary>Moves shards to the nodes that the ring assigns; afterwards a rebalance plans no move.</summary>
    private static void Rebalance(World world, int seed)
    {
        Assert.True(world.Commit(new TopologyChange(TopologyChangeKind.Rebalance)), "a rebalance was refused");
        Rest(world, seed);
        Assert.Empty(world.PlanFor(new TopologyChange(TopologyChangeKind.Rebalance))!.Moves);
    }

    /// <summary>Waits until no operator is open, and then asserts that the cluster stays idle.</summary>
    private static void Rest(World world, int seed, int atLeast = 0)
    {
        for (var second = 0; second < atLeast || world.State.Operations.Operators.Length > 0; second++)
        {
            Assert.True(second < 3_000, $"seed {seed}: {string.Join(", ", world.State.Operations.Operators)} never ends");
            world.Tick();
        }

        for (var second = 0; second < 400; second++)
        {
            world.Tick();
        }

        var (moves, transfers) = (world.Moves, world.Transfers);
        for (var second = 0; second < 100; second++)
        {
            world.Tick();
        }

        Assert.True((moves, transfers) == (world.Moves, world.Transfers), $"seed {seed}: the cluster does not become idle");
    }

    private static void AssertFair(World world)
    {
        var owners = world.State.Nodes.Where(static node => node.IsOwner).ToArray();
        var map = world.State.Map!;
        Assert.All(map.Shards, shard => Assert.All(shard.Replicas, replica => Assert.Contains(owners, owner => owner.Id == replica.Node)));
        var shards = world.Led(static _ => true);
        var weights = owners.ToDictionary(static node => node.Id, static node => node.Weight);
        foreach (var (node, fair) in LeaderBalance.FairShares(shards, weights))
        {
            Assert.InRange(world.Leads(node), fair - 1, fair + 1);
        }

        // By weight, as far as zones allow. Three per cent of the replicas of a node are less than one replica here.
        var ring = HashRing.Of(owners, map.HashSeed);
        var fairShards = ShardAssignment.FairShares(ring, map.ShardCount, map.ReplicationFactor);
        Assert.All(ring.Nodes.Zip(fairShards), pair => Assert.InRange(map.ShardsOn(pair.First.Id).Count(), pair.Second - 1, pair.Second + 1));
    }
}
