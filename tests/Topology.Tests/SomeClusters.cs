using CsCheck;

namespace KvRaft.Topology.Tests;

/// <summary>Random clusters. Names are drawn so that their order is independent of their places on the ring.</summary>
internal static class SomeClusters
{
    private static readonly string[] ZoneNames = ["", "a", "b", "c", "d"];

    public static readonly Gen<NodeId> NodeId =
        Gen.Char["abcdefghijklmnopqrstuvwxyz0123456789"].Array[1, 12].Select(letters => new NodeId(new string(letters)));

    /// <summary>Nodes of different names, equal weight, no zones.</summary>
    public static Gen<RingNode[]> Equal(int from, int to) =>
        Names(from, to).Select(names => names.Select(name => new RingNode(name)).ToArray());

    /// <summary>Nodes of different names, weights of one to four, zones or none.</summary>
    public static Gen<RingNode[]> Mixed(int from, int to) =>
        Names(from, to).SelectMany(names => Gen.Select(Gen.Int[1, 4].Array[names.Length], Gen.Int[0, 4].Array[names.Length], Gen.Bool)
            .Select((weights, zones, zoned) => names
                .Select((name, i) => new RingNode(name, weights[i], zoned ? ZoneNames[zones[i]] : ""))
                .ToArray()));

    /// <summary>Mixed nodes with all weights equal.</summary>
    public static Gen<RingNode[]> Zoned(int from, int to) =>
        Mixed(from, to).Select(nodes => nodes.Select(node => node with { Weight = 1 }).ToArray());

    public static Gen<NodeId[]> Names(int from, int to) =>
        Gen.Int[from, to].SelectMany(count => NodeId.Array[count].Where(names => names.Distinct().Count() == count));
}
