using KvRaft.Chaos.Cluster;
using KvRaft.Chaos.Machine;

namespace KvRaft.Chaos.Faults;

/// <summary>The directions that a partition cuts, and its display name.</summary>
internal sealed record PartitionShape(string Detail, IReadOnlyList<Link> Cuts)
{
    /// <summary>One node neither sends to others nor receives from them.</summary>
    public static PartitionShape Alone(int nodes, int lonely) =>
        Between($"{FaultScene.Names([lonely])}|{FaultScene.Names(Enumerable.Range(0, nodes).Where(node => node != lonely))}", [lonely], [.. Enumerable.Range(0, nodes).Where(node => node != lonely)]);

    /// <summary>A minority and a majority, by the order of the nodes.</summary>
    public static PartitionShape Halves(IReadOnlyList<int> order)
    {
        var (minority, majority) = (order.Take(order.Count / 2).ToArray(), order.Skip(order.Count / 2).ToArray());
        return Between($"{FaultScene.Names(minority)}|{FaultScene.Names(majority)}", minority, majority);
    }

    /// <summary>
    /// Every node reaches a majority, and no two reach the same one: in a ring, each reaches its nearest neighbours only (Jepsen's
    /// majorities-ring).
    /// </summary>
    public static PartitionShape MajorityRing(IReadOnlyList<int> order)
    {
        // A majority includes the node itself: of five nodes each reaches one neighbour on either side.
        var reach = order.Count / 4;
        var cuts = new List<Link>();
        for (var one = 0; one < order.Count; one++)
        {
            for (var other = 0; other < order.Count; other++)
            {
                var distance = Math.Abs(one - other);
                if (Math.Min(distance, order.Count - distance) > Math.Max(1, reach))
                {
                    cuts.Add(new Link(order[one], order[other]));
                }
            }
        }

        return new PartitionShape($"ring {string.Join('-', order.Select(ChaosCluster.NameOf))}", cuts);
    }

    /// <summary>Two halves that reach each other only through one node.</summary>
    public static PartitionShape Bridge(IReadOnlyList<int> order)
    {
        var middle = order.Count / 2;
        var (left, right) = (order.Take(middle).ToArray(), order.Skip(middle + 1).ToArray());
        return Between($"{FaultScene.Names(left)}-{FaultScene.Names([order[middle]])}-{FaultScene.Names(right)}", left, right);
    }

    /// <summary>One node's messages are lost, while it receives all.</summary>
    public static PartitionShape Mute(int nodes, int mute) => new(
        $"{ChaosCluster.NameOf(mute)} unheard", [.. Enumerable.Range(0, nodes).Where(node => node != mute).Select(node => new Link(mute, node))]);

    /// <summary>One node receives no messages, while all others receive its messages.</summary>
    public static PartitionShape Deaf(int nodes, int deaf) => new(
        $"{ChaosCluster.NameOf(deaf)} deaf", [.. Enumerable.Range(0, nodes).Where(node => node != deaf).Select(node => new Link(node, deaf))]);

    private static PartitionShape Between(string detail, IReadOnlyList<int> left, IReadOnlyList<int> right) =>
        new(detail, [.. left.SelectMany(one => right.SelectMany(other => new[] { new Link(one, other), new Link(other, one) }))]);
}
