using KvRaft.Chaos.Cluster;
using KvRaft.Chaos.Machine;

namespace KvRaft.Chaos.Faults;

/// <summary>Which directions a partition cuts, and its name for people.</summary>
internal sealed record PartitionShape(string Detail, IReadOnlyList<Link> Cuts)
{
    /// <summary>One node hears nobody and is heard by nobody.</summary>
    public static PartitionShape Alone(int nodes, int lonely) =>
        Between($"{FaultScene.Names([lonely])}|{FaultScene.Names(Enumerable.Range(0, nodes).Where(node => node != lonely))}", [lonely], [.. Enumerable.Range(0, nodes).Where(node => node != lonely)]);

    /// <summary>A minority and a majority, as the order of the nodes has it.</summary>
    public static PartitionShape Halves(IReadOnlyList<int> order)
    {
        var (minority, majority) = (order.Take(order.Count / 2).ToArray(), order.Skip(order.Count / 2).ToArray());
        return Between($"{FaultScene.Names(minority)}|{FaultScene.Names(majority)}", minority, majority);
    }

    /// <summary>
    /// Every node sees a majority, and no two see the same one: in a ring, each sees its nearest neighbours only (Jepsen's
    /// majorities-ring).
    /// </summary>
    public static PartitionShape MajorityRing(IReadOnlyList<int> order)
    {
        // A majority counts oneself: of five nodes each sees one neighbour to either side.
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

    /// <summary>Two halves that see each other only through one node.</summary>
    public static PartitionShape Bridge(IReadOnlyList<int> order)
    {
        var middle = order.Count / 2;
        var (left, right) = (order.Take(middle).ToArray(), order.Skip(middle + 1).ToArray());
        return Between($"{FaultScene.Names(left)}-{FaultScene.Names([order[middle]])}-{FaultScene.Names(right)}", left, right);
    }

    /// <summary>One node is no longer heard, though it hears all.</summary>
    public static PartitionShape Mute(int nodes, int mute) => new(
        $"{ChaosCluster.NameOf(mute)} unheard", [.. Enumerable.Range(0, nodes).Where(node => node != mute).Select(node => new Link(mute, node))]);

    /// <summary>One node hears nobody, though all hear it.</summary>
    public static PartitionShape Deaf(int nodes, int deaf) => new(
        $"{ChaosCluster.NameOf(deaf)} deaf", [.. Enumerable.Range(0, nodes).Where(node => node != deaf).Select(node => new Link(node, deaf))]);

    private static PartitionShape Between(string detail, IReadOnlyList<int> left, IReadOnlyList<int> right) =>
        new(detail, [.. left.SelectMany(one => right.SelectMany(other => new[] { new Link(one, other), new Link(other, one) }))]);
}
