namespace KvRaft.Topology;

/// <summary>What the ring needs to know of a node.</summary>
/// <param name="Id">Its name; the places of its virtual nodes follow from it.</param>
/// <param name="Weight">Its share relative to other nodes; between <see cref="WeightMin"/> and <see cref="WeightMax"/>.</param>
/// <param name="Zone">Its failure domain; empty means the node is one of its own.</param>
public sealed record RingNode(NodeId Id, double Weight = 1, string Zone = "")
{
    /// <summary>
    /// A hundredth of an ordinary node. It still gets 81 virtual nodes (<see cref="HashRing.VirtualNodesPerWeight"/>), whose share is within a
    /// third of what was asked; with fewer it would be a matter of luck.
    /// </summary>
    public const double WeightMin = 0.01;

    /// <summary>A hundred ordinary nodes. The ring then keeps 819,200 virtual nodes for it, 10 MB.</summary>
    public const double WeightMax = 100;

    public static bool IsValidWeight(double weight) => weight is >= WeightMin and <= WeightMax;
}
