using System.Collections.Immutable;

namespace KvRaft.Topology;

/// <summary>The zones of the nodes of a ring, numbered in the order of the nodes; a node without a zone has its own.</summary>
internal sealed class ZoneTable
{
    private readonly int[] _zoneOfNode;
    private readonly int[][] _nodesOfZone;

    public ZoneTable(ImmutableArray<RingNode> nodes)
    {
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        var members = new List<List<int>>();
        _zoneOfNode = new int[nodes.Length];
        for (var node = 0; node < nodes.Length; node++)
        {
            var name = nodes[node].Zone;
            if (name.Length == 0 || !numbers.TryGetValue(name, out var zone))
            {
                zone = members.Count;
                members.Add([]);
                if (name.Length > 0)
                {
                    numbers.Add(name, zone);
                }
            }

            _zoneOfNode[node] = zone;
            members[zone].Add(node);
        }

        _nodesOfZone = [.. members.Select(static zone => zone.ToArray())];
    }

    public int Count => _nodesOfZone.Length;

    public int ZoneOf(int node) => _zoneOfNode[node];

    public ReadOnlySpan<int> NodesOf(int zone) => _nodesOfZone[zone];
}
