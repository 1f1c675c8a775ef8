using CsCheck;

namespace KvRaft.Topology.Tests;

public class ShardAssignmentTests
{
    private static readonly Gen<int> ShardCounts = Gen.Int[0, 8].Select(power => 1 << power);

    private static readonly Gen<Case> Mixed = Cases(SomeClusters.Mixed(1, 10));

    [Fact]
    public void Every_shard_has_its_replicas_on_distinct_nodes() =>
        Mixed.Sample(
            c => Assert.All(c.Assign().Shards, nodes =>
            {
                Assert.Equal(c.Replicas, nodes.Length);
                Assert.Equal(c.Replicas, nodes.Distinct().Count());
            }),
            iter: 12);

    [Fact]
    public void Never_two_replicas_in_one_zone_while_zones_suffice() =>
        Mixed.Sample(c => AssertZones(c.Nodes, c.Assign()), iter: 12);

    [Fact]
    public void Without_zones_every_load_is_within_its_bounds() =>
        Cases(SomeClusters.Mixed(1, 10).Select(nodes => nodes.Select(node => node with { Zone = "" }).ToArray()))
            .Sample(c => AssertLoads(c.Nodes, c.Assign()), iter: 12);

    [Fact]
    public void Equal_nodes_differ_by_what_the_bounds_allow() =>
        Cases(SomeClusters.Equal(1, 10)).Sample(
            c =>
            {
                var (assignment, fair) = (c.Assign(), (double)c.Shards * c.Replicas / c.Nodes.Length);
                Assert.All(c.Nodes, node => Assert.InRange(
                    LoadOf(node.Id, assignment), Math.Min(Math.Floor(fair), 0.97 * fair), Math.Max(Math.Ceiling(fair), 1.03 * fair)));
            },
            iter: 10);

    [Fact]
    public void A_shard_takes_its_primaries_where_no_node_is_full()
    {
        // Any placement of two replicas is valid: with one shard, the bounds of ten equal nodes are 0 and 1.
        var nodes = Enumerable.Range(0, 10).Select(i => new RingNode(new NodeId($"n{i}"))).ToArray();
        var ring = HashRing.Of(nodes);
        Assert.Equal(PreferenceList.Of(ring, new Token(0), 2).Primaries.ToArray(), ShardAssignment.Of(ring, 1, 2)[new ShardId(0)]);
    }

    [Fact]
    public void The_order_of_the_nodes_does_not_matter() =>
        Mixed.Sample(
            c => Assert.Equal(Lines(c.Assign()), Lines(ShardAssignment.Of(HashRing.Of(c.Nodes.Reverse()), c.Shards, c.Replicas))), iter: 10);

    [Fact]
    public void Without_a_change_nothing_moves() =>
        Mixed.Sample(
            c =>
            {
                var first = c.Assign();
                Assert.Equal(0, ShardAssignment.Of(HashRing.Of(c.Nodes), c.Replicas, first).MovedSince(first));
            },
            iter: 10);

    [Fact]
    public void Replicas_move_only_to_the_joining_node() =>
        Cases(SomeClusters.Mixed(2, 9).Select(nodes => nodes.Select(node => node with { Zone = "" }).ToArray())).Sample(
            c =>
            {
                var before = ShardAssignment.Of(HashRing.Of(c.Nodes[1..]), c.Shards, Math.Min(c.Replicas, c.Nodes.Length - 1));
                var after = ShardAssignment.Of(HashRing.Of(c.Nodes), before.ReplicationFactor, before);
                AssertLoads(c.Nodes, after);
                Assert.InRange(after.MovedSince(before), 0, AtMost(FairShare(c.Nodes, 0, before)));
            },
            iter: 12);

    [Fact]
    public void A_leaving_equal_node_moves_its_fair_share() =>
        Cases(SomeClusters.Equal(2, 9)).Where(c => c.Nodes.Length > c.Replicas).Sample(
            c =>
            {
                var before = c.Assign();
                var after = ShardAssignment.Of(HashRing.Of(c.Nodes[1..]), c.Replicas, before);
                Assert.InRange(after.MovedSince(before), LoadOf(c.Nodes[0].Id, before), AtMost(FairShare(c.Nodes, 0, before)));
            },
            iter: 12);

    [Fact]
    public void A_changed_weight_moves_what_the_node_gains_or_loses() =>
        Gen.Select(Cases(SomeClusters.Equal(3, 9)), Gen.Double[0.5, 3]).Sample(
            (c, weight) =>
            {
                var before = c.Assign();
                RingNode[] nodes = [c.Nodes[0] with { Weight = weight }, .. c.Nodes[1..]];
                var after = ShardAssignment.Of(HashRing.Of(nodes), c.Replicas, before);
                AssertLoads(nodes, after);

                // The rounding of the other nodes is added: each started within its old bounds, not at their middle.
                var change = Math.Abs(FairShare(nodes, 0, before) - FairShare(c.Nodes, 0, before));
                Assert.InRange(after.MovedSince(before), 0, AtMost(change) + (0.03 * c.Shards * c.Replicas) + 1);
            },
            iter: 12);

    [Fact]
    public void No_change_could_move_less() =>
        Gen.Select(SomeClusters.Mixed(3, 4), Gen.Int[0, 2].Select(power => 1 << power), Gen.Int[1, 2]).Sample(
            (nodes, shards, replicas) =>
            {
                var before = ShardAssignment.Of(HashRing.Of(nodes[1..]), shards, replicas);
                RingNode[] changed = [nodes[0], .. nodes[2..]];
                var after = ShardAssignment.Of(HashRing.Of(changed), replicas, before);
                Assert.Equal(ExhaustiveSearch.FewestMoves(changed, before), after.MovedSince(before));
            },
            iter: 40);

    [Fact]
    public void A_lost_zone_that_comes_back_gets_one_replica_of_each_shard()
    {
        var nodes = Enumerable.Range(0, 6).Select(i => new RingNode(new NodeId($"n{i}"), 1, $"z{i / 2}")).ToArray();
        var both = ShardAssignment.Of(HashRing.Of(nodes[..4]), 64, 3);
        AssertZones(nodes[..4], both);
        var all = ShardAssignment.Of(HashRing.Of(nodes), 3, both);
        AssertZones(nodes, all);
        Assert.Equal(64, all.MovedSince(both));
    }

    // Group 0 stores the result, so a better algorithm may change it; it must not change by accident.
    [Fact]
    public void The_assignment_of_a_fixed_cluster_is_this() =>
        Assert.Equal(
            "n1 n4 n2, n5 n3 n4, n3 n5 n2, n1 n2 n3, n5 n1 n3, n4 n5 n1, n4 n3 n2, n2 n5 n4",
            string.Join(", ", Lines(ShardAssignment.Of(HashRing.Of([.. Enumerable.Range(1, 5).Select(i => new RingNode(new NodeId($"n{i}")))]), 8, 3))));

    [Fact]
    public void Refuses_more_replicas_than_nodes_and_counts_that_are_not_a_power_of_two()
    {
        var ring = HashRing.Of([new RingNode(new NodeId("a")), new RingNode(new NodeId("b"))]);
        Assert.Throws<ArgumentException>(() => ShardAssignment.Of(ring, 4, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => ShardAssignment.Of(ring, 3, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => ShardAssignment.Of(ring, 4, 0));
    }

    [Fact]
    [Trait("Category", "Long")]
    public void The_largest_cluster_of_a_hundred_nodes_is_assigned_and_changed_within_its_bounds()
    {
        var nodes = Enumerable.Range(0, 100).Select(i => new RingNode(new NodeId($"node-{i}"))).ToArray();
        var before = ShardAssignment.Of(HashRing.Of(nodes[1..]), ShardMap.ShardCountMax, 3);
        var after = ShardAssignment.Of(HashRing.Of(nodes), 3, before);
        AssertLoads(nodes, after);
        Assert.InRange(after.MovedSince(before), 0, AtMost(FairShare(nodes, 0, before)));
    }

    private static Gen<Case> Cases(Gen<RingNode[]> nodes) =>
        Gen.Select(nodes, ShardCounts, Gen.Int[1, 5]).Select((some, shards, replicas) => new Case(some, shards, Math.Min(replicas, some.Length)));

    // Five per cent more, plus one replica for rounding.
    private static double AtMost(double share) => Math.Ceiling(share * 1.05) + 1;

    private static int LoadOf(NodeId node, ShardAssignment assignment) => assignment.Shards.Count(nodes => nodes.Contains(node));

    private static void AssertLoads(RingNode[] nodes, ShardAssignment assignment)
    {
        for (var i = 0; i < nodes.Length; i++)
        {
            var (load, fair) = (LoadOf(nodes[i].Id, assignment), FairShare(nodes, i, assignment));
            Assert.InRange(load, Math.Min(fair - 1, 0.97 * fair), Math.Max(fair + 1, 1.03 * fair));
        }
    }

    // Proportional to the weight, but a node cannot hold a shard twice: the excess of a heavy node goes to the others.
    private static double FairShare(RingNode[] nodes, int of, ShardAssignment assignment)
    {
        var (left, open) = ((double)assignment.ShardCount * assignment.ReplicationFactor, nodes.ToList());
        while (true)
        {
            var level = left / open.Sum(node => node.Weight);
            var full = open.Where(node => node.Weight * level >= assignment.ShardCount).ToArray();
            if (full.Contains(nodes[of]))
            {
                return assignment.ShardCount;
            }

            if (full.Length == 0)
            {
                return level * nodes[of].Weight;
            }

            left -= (double)full.Length * assignment.ShardCount;
            open.RemoveAll(full.Contains);
        }
    }

    private static void AssertZones(RingNode[] nodes, ShardAssignment assignment)
    {
        var zones = nodes.GroupBy(ZoneOf).ToArray();
        Assert.All(assignment.Shards, replicas =>
        {
            var counts = zones.Select(zone => (Held: zone.Count(node => replicas.Contains(node.Id)), Size: zone.Count())).ToArray();

            // As even as the sizes of the zones allow: a zone with at least two fewer replicas than another has no node left.
            var most = counts.Max(zone => zone.Held);
            Assert.All(counts, zone => Assert.True(zone.Held >= most - 1 || zone.Held == zone.Size));
            Assert.True(zones.Length < assignment.ReplicationFactor || most == 1);
        });
    }

    private static string ZoneOf(RingNode node) => node.Zone.Length > 0 ? "zone " + node.Zone : "node " + node.Id;

    private static string[] Lines(ShardAssignment assignment) => [.. assignment.Shards.Select(nodes => string.Join(' ', nodes))];

    private sealed record Case(RingNode[] Nodes, int Shards, int Replicas)
    {
        public ShardAssignment Assign() => ShardAssignment.Of(HashRing.Of(Nodes), Shards, Replicas);

        public override string ToString() => $"{Shards} shards × {Replicas} on {string.Join(", ", Nodes.AsEnumerable())}";
    }
}
