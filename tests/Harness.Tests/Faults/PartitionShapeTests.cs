using CsCheck;
using KvRaft.Chaos.Faults;
using KvRaft.Chaos.Machine;

namespace KvRaft.Harness.Tests.Faults;

public class PartitionShapeTests
{
    private static readonly Gen<int[]> Orders = Gen.Shuffle(Enumerable.Range(0, 5).ToArray());

    [Fact]
    public void An_isolated_node_neither_sends_nor_receives() => Gen.Int[0, 4].Sample(lonely =>
    {
        var shape = PartitionShape.Alone(5, lonely);
        Assert.Equal([lonely], Reach(shape, lonely));
        Assert.All(Others(lonely), node => Assert.Equal(Others(lonely), Reach(shape, node)));
    });

    [Fact]
    public void Halves_are_two_and_three_nodes_that_see_only_their_own() => Orders.Sample(order =>
    {
        var shape = PartitionShape.Halves(order);
        Assert.All(order[..2], node => Assert.Equal(order[..2].Order(), Reach(shape, node)));
        Assert.All(order[2..], node => Assert.Equal(order[2..].Order(), Reach(shape, node)));
    });

    [Fact]
    public void In_a_ring_every_node_sees_a_majority_and_no_two_see_the_same() => Orders.Sample(order =>
    {
        var shape = PartitionShape.MajorityRing(order);
        var seen = order.Select(node => string.Join(',', Reach(shape, node))).ToList();
        Assert.All(order, node => Assert.Equal(3, Reach(shape, node).Length));
        Assert.Equal(5, seen.Distinct().Count());
    });

    [Fact]
    public void Over_a_bridge_two_pairs_see_one_common_node() => Orders.Sample(order =>
    {
        var shape = PartitionShape.Bridge(order);
        Assert.Equal(5, Reach(shape, order[2]).Length);
        Assert.Equal(order[..3].Order(), Reach(shape, order[0]));
        Assert.Equal(order[2..].Order(), Reach(shape, order[4]));
    });

    [Fact]
    public void One_way_partitions_cut_sending_or_receiving() => Gen.Int[0, 4].Sample(node =>
    {
        Assert.All(PartitionShape.Mute(5, node).Cuts, cut => Assert.Equal(node, cut.From));
        Assert.All(PartitionShape.Deaf(5, node).Cuts, cut => Assert.Equal(node, cut.To));
        Assert.Equal(4, PartitionShape.Mute(5, node).Cuts.Count);
        Assert.Equal(4, PartitionShape.Deaf(5, node).Cuts.Count);
    });

    private static IEnumerable<int> Others(int node) => Enumerable.Range(0, 5).Where(other => other != node);

    // The nodes with which a node can exchange messages in both directions, including itself.
    private static int[] Reach(PartitionShape shape, int node) =>
        [.. Enumerable.Range(0, 5).Where(other => !shape.Cuts.Contains(new Link(node, other)) && !shape.Cuts.Contains(new Link(other, node)))];
}
