namespace KvRaft.Topology;

/// <summary>The properties of a node that determine the ring.</summary>
/// <param name="Id">Its name; it determines the points of its virtual nodes.</param>
/// <param name="Weight">Its share relative to other nodes; between <see cref="WeightMin"/> and <see cref="WeightMax"/>.</param>
/// <param name="Zone">Its failure domain; empty: the node is its own zone.</param>
public sealed record RingNode(NodeId Id, double Weight = 1, string Zone = "")
{
    /// <summary>
    /// A hundredth of an ordinary node. It still gets 81 virtual nodes (<see cref="HashRing.VirtualNodesPerWeight"/>), so its share differs by at
    /// most a third from its weight; with fewer, the share would be almost random.
    /// </summary>
    public const double WeightMin = 0.01;

    /// <summary>A hundred ordinary nodes. The ring then has 819,200 virtual nodes for it, 10 MB.</summary>
    public const double WeightMax = 100;

    public static bool IsValidWeight(double weight) => weight is >= WeightMin and <= WeightMax;
}
