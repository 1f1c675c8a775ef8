using System.Buffers.Binary;
using System.Collections.Immutable;
using System.IO.Hashing;
using System.Text;

namespace KvRaft.Topology;

/// <summary>
/// The consistent-hash ring: maps a token to nodes, in order of preference.
/// <para>
/// <b>Direction.</b> Clockwise means increasing tokens, and a token belongs to the first virtual node <i>at or after</i> it; the highest token is
/// followed by 0. So a virtual node owns the token range from its predecessor (exclusive) to itself (inclusive). Successors, preference lists and a
/// shard's replicas "clockwise from its start" all follow this rule; there is no other convention.
/// </para>
/// <code>
///        token t                      t belongs to B, then (clockwise) to A, then C
///   ──A────•─────────B───────A────C──────►  clockwise
/// </code>
/// <para>
/// <b>Virtual nodes.</b> Each node has a number of points on the ring that is proportional to its weight; each point is the hash of its name and a
/// running number. The share of a node is the sum of many small independent token ranges, and therefore close to its weight. If a node is removed,
/// all other nodes take over its load, not one neighbour. A point depends only on the name of its node, so if a node is added, removed or changes its
/// weight, only the token ranges that it gains or loses move (Karger et al., STOC 1997; virtual nodes as in Dynamo, SOSP 2007, section 4.2).
/// </para>
/// <para>
/// The ring is a pure function of the set of nodes and the seed; the order of the nodes has no effect. It is immutable and thread-safe. It takes 12
/// bytes per virtual node.
/// </para>
/// </summary>
public sealed class HashRing
{
    /// <summary>
    /// The points of a node of weight 1. The share of a node with V of N points has a relative standard deviation of 1/√V (its distribution is
    /// Beta(V, N − V)): with 8192 points that is 1.1 %, so 5 % is 4.5 deviations, and less than one node in 100,000 differs by more.
    /// </summary>
    public const int VirtualNodesPerWeight = 8192;

    private readonly ulong[] _tokens;
    private readonly int[] _owners;

    private HashRing(ImmutableArray<RingNode> nodes, ulong[] tokens, int[] owners)
    {
        Nodes = nodes;
        _tokens = tokens;
        _owners = owners;
    }

    /// <summary>Ordered by name.</summary>
    public ImmutableArray<RingNode> Nodes { get; }

    public int VirtualNodeCount => _tokens.Length;

    /// <summary>All points, clockwise from 0.</summary>
    public IEnumerable<VirtualNode> VirtualNodes
    {
        get
        {
            for (var i = 0; i < _tokens.Length; i++)
            {
                yield return At(i);
            }
        }
    }

    /// <exception cref="ArgumentException">There is no node, a name is repeated, or a weight is out of bounds.</exception>
    public static HashRing Of(IEnumerable<RingNode> nodes, ulong seed = KeyHash.Seed)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        var sorted = nodes.OrderBy(static node => node.Id).ToImmutableArray();
        Check(sorted);
        var counts = sorted.Select(static node => VirtualNodesOf(node.Weight)).ToArray();
        var tokens = new ulong[counts.Sum()];
        var owners = new int[tokens.Length];
        var next = 0;
        for (var owner = 0; owner < sorted.Length; owner++)
        {
            var points = tokens.AsSpan(next, counts[owner]);
            PlacePoints(sorted[owner].Id, seed, points);
            owners.AsSpan(next, points.Length).Fill(owner);
            next += points.Length;
        }

        Array.Sort(tokens, owners);
        OrderEqualTokens(tokens, owners);
        return new HashRing(sorted, tokens, owners);
    }

    public static HashRing Of(IEnumerable<NodeDescriptor> nodes, ulong seed = KeyHash.Seed) =>
        Of(nodes.Select(static node => node.ToRingNode()), seed);

    /// <summary>The virtual node that owns <paramref name="token"/>: the first at or after it.</summary>
    public VirtualNode OwnerOf(Token token) => At(IndexOf(token));

    /// <summary>All virtual nodes clockwise from <paramref name="token"/>, once around the ring.</summary>
    public IEnumerable<VirtualNode> WalkFrom(Token token)
    {
        var first = IndexOf(token);
        for (var i = 0; i < _tokens.Length; i++)
        {
            yield return At((first + i) % _tokens.Length);
        }
    }

    /// <summary>The part of the ring, from 0 to 1, that each node owns, in the order of <see cref="Nodes"/>.</summary>
    public ImmutableArray<double> Shares()
    {
        var owned = new UInt128[Nodes.Length];
        var previous = _tokens[^1];
        for (var i = 0; i < _tokens.Length; i++)
        {
            owned[_owners[i]] += unchecked(_tokens[i] - previous);
            previous = _tokens[i];
        }

        return [.. owned.Select(static tokens => (double)tokens / Math.ScaleB(1, 64))];
    }

    /// <summary>
    /// The indices in <see cref="Nodes"/> of all nodes, in the order of their first virtual node clockwise from <paramref name="token"/>.
    /// </summary>
    internal int[] DistinctFrom(Token token)
    {
        var met = new bool[Nodes.Length];
        var order = new int[Nodes.Length];
        var found = 0;
        for (var i = IndexOf(token); found < order.Length; i = i + 1 == _tokens.Length ? 0 : i + 1)
        {
            if (!met[_owners[i]])
            {
                met[_owners[i]] = true;
                order[found++] = _owners[i];
            }
        }

        return order;
    }

    private static void Check(ImmutableArray<RingNode> sorted)
    {
        if (sorted.IsEmpty)
        {
            throw new ArgumentException("A ring needs at least one node.", nameof(sorted));
        }

        for (var i = 0; i < sorted.Length; i++)
        {
            if (i > 0 && sorted[i].Id == sorted[i - 1].Id)
            {
                throw new ArgumentException($"Node {sorted[i].Id} is repeated.", nameof(sorted));
            }

            if (!RingNode.IsValidWeight(sorted[i].Weight))
            {
                throw new ArgumentException(
                    $"Node {sorted[i].Id} has weight {sorted[i].Weight}; it must be from {RingNode.WeightMin} to {RingNode.WeightMax}.", nameof(sorted));
            }
        }
    }

    private static int VirtualNodesOf(double weight) => Math.Max(1, (int)Math.Floor(weight * VirtualNodesPerWeight));

    // Point k is the hash of the name and k. A higher weight only appends points, so the existing ones do not move.
    private static void PlacePoints(NodeId node, ulong seed, Span<ulong> points)
    {
        Span<byte> source = stackalloc byte[NodeId.LengthMax + sizeof(uint)];
        var name = Encoding.ASCII.GetBytes(node.Value, source);
        for (var k = 0; k < points.Length; k++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(source[name..], (uint)k);
            points[k] = XxHash3.HashToUInt64(source[..(name + sizeof(uint))], unchecked((long)seed));
        }
    }

    // The sort is unstable: of equal points, the node with the lower name comes first.
    private static void OrderEqualTokens(ulong[] tokens, int[] owners)
    {
        for (var i = 0; i < tokens.Length;)
        {
            var end = i + 1;
            while (end < tokens.Length && tokens[end] == tokens[i])
            {
                end++;
            }

            if (end - i > 1)
            {
                Array.Sort(owners, i, end - i);
            }

            i = end;
        }
    }

    private VirtualNode At(int index) => new(new Token(_tokens[index]), Nodes[_owners[index]].Id);

    private int IndexOf(Token token)
    {
        // The lowest index with a token at or above the given one.
        var (low, high) = (0, _tokens.Length);
        while (low < high)
        {
            var middle = (int)(((uint)low + (uint)high) >> 1);
            (low, high) = _tokens[middle] < token.Value ? (middle + 1, high) : (low, middle);
        }

        return low == _tokens.Length ? 0 : low;
    }
}
