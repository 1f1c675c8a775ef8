using System.Collections.Immutable;

namespace KvRaft.Topology;

/// <summary>
/// All nodes in the order of preference of a token. The first N are the <b>primaries</b>, the others the <b>fallbacks</b> that substitute absent
/// primaries.
/// <para>
/// Distinct zones come first: the clockwise walk takes one node of every zone before a second one of any zone, two of each before a third, and so on;
/// a node without a zone is its own zone. So N primaries are in N zones if there are that many, and otherwise spread as evenly as possible; the
/// fallbacks follow the same rule, so the fallbacks for a lost zone are spread too.
/// </para>
/// </summary>
public sealed class PreferenceList
{
    private PreferenceList(ImmutableArray<NodeId> nodes, int primaries)
    {
        Nodes = nodes;
        PrimaryCount = primaries;
    }

    /// <summary>Primaries, then fallbacks; every node of the ring once.</summary>
    public ImmutableArray<NodeId> Nodes { get; }

    public int PrimaryCount { get; }

    public ReadOnlySpan<NodeId> Primaries => Nodes.AsSpan()[..PrimaryCount];

    public ReadOnlySpan<NodeId> Fallbacks => Nodes.AsSpan()[PrimaryCount..];

    /// <summary>The list of a token; if there are fewer than <paramref name="primaryCount"/> nodes, all of them are primaries.</summary>
    public static PreferenceList Of(HashRing ring, Token token, int primaryCount)
    {
        ArgumentNullException.ThrowIfNull(ring);
        ArgumentOutOfRangeException.ThrowIfLessThan(primaryCount, 1);
        var nodes = Order(ring, new ZoneTable(ring.Nodes), token).Select(index => ring.Nodes[index].Id).ToImmutableArray();
        return new PreferenceList(nodes, Math.Min(primaryCount, nodes.Length));
    }

    /// <summary>The order as indices of the ring's nodes.</summary>
    internal static int[] Order(HashRing ring, ZoneTable zones, Token token)
    {
        var clockwise = ring.DistinctFrom(token);
        var taken = new int[zones.Count];
        var rounds = new int[clockwise.Length];
        for (var i = 0; i < clockwise.Length; i++)
        {
            rounds[i] = taken[zones.ZoneOf(clockwise[i])]++;
        }

        // OrderBy is stable: the clockwise order within a round is kept.
        return [.. Enumerable.Range(0, clockwise.Length).OrderBy(i => rounds[i]).Select(i => clockwise[i])];
    }
}
