using CsCheck;

namespace KvRaft.Topology.Tests;

public class PreferenceListTests
{
    private static readonly Gen<(RingNode[] Nodes, Token Token, int N)> Cases =
        Gen.Select(SomeClusters.Mixed(1, 9), Gen.ULong.Select(value => new Token(value)), Gen.Int[1, 5]);

    [Fact]
    public void Is_the_walk_clockwise_taken_in_rounds_of_one_node_for_each_zone() =>
        Cases.Sample(
            c =>
            {
                var ring = HashRing.Of(c.Nodes);
                var list = PreferenceList.Of(ring, c.Token, c.N);
                Assert.Equal(Model(ring, c.Token, c.Nodes), list.Nodes);
                Assert.Equal(Math.Min(c.N, c.Nodes.Length), list.Primaries.Length);
                Assert.Equal(c.Nodes.Length, list.Primaries.Length + list.Fallbacks.Length);
            },
            iter: 15);

    [Fact]
    public void Primaries_are_in_distinct_zones_while_there_are_enough() =>
        Cases.Sample(
            c =>
            {
                var zones = c.Nodes.ToDictionary(node => node.Id, ZoneOf);
                var primaries = PreferenceList.Of(HashRing.Of(c.Nodes), c.Token, c.N).Primaries.ToArray();
                Assert.Equal(
                    Math.Min(primaries.Length, zones.Values.Distinct().Count()), primaries.Select(node => zones[node]).Distinct().Count());
            },
            iter: 15);

    [Fact]
    public void A_node_that_leaves_only_makes_the_others_move_up() =>
        Cases.Where(c => c.Nodes.Length > 1).Sample(
            c =>
            {
                var unzoned = c.Nodes.Select(node => node with { Zone = "" }).ToArray();
                Assert.Equal(
                    PreferenceList.Of(HashRing.Of(unzoned), c.Token, c.N).Nodes.Where(node => node != unzoned[0].Id),
                    PreferenceList.Of(HashRing.Of(unzoned[1..]), c.Token, c.N).Nodes);
            },
            iter: 10);

    private static IEnumerable<NodeId> Model(HashRing ring, Token token, RingNode[] nodes)
    {
        var left = ring.WalkFrom(token).Select(point => point.Node).Distinct().Select(id => nodes.Single(node => node.Id == id)).ToList();
        while (left.Count > 0)
        {
            foreach (var node in left.DistinctBy(ZoneOf).ToArray())
            {
                left.Remove(node);
                yield return node.Id;
            }
        }
    }

    private static string ZoneOf(RingNode node) => node.Zone.Length > 0 ? "zone " + node.Zone : "node " + node.Id;
}
