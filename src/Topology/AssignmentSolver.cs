using System.Collections.Immutable;

namespace KvRaft.Topology;

/// <summary>
/// Finds an assignment within a <see cref="ReplicaQuota"/>, with the fewest moves there can be. The rules are a flow: units enter at a
/// shard, pass one of its zones, end at a node:
/// <code>
///   shard s ──(ZoneMin..ZoneMax)──► zone z of s ──(0..1)──► node x ──(LoadMin..LoadMax)──►
/// </code>
/// A solution exists, because the fair shares are a flow in fractions and flows with whole bounds have whole solutions. A
/// placement costs 1 if the node did not hold the shard before, so the cheapest flow moves least. It is built by successive
/// shortest paths with potentials (Ahuja, Magnanti, Orlin, Network Flows, section 9.7): one path for each missing
/// replica, along which placements may be undone and made elsewhere; each path keeps the flow the cheapest of its size. A load below
/// LoadMin attracts more than any number of moves repels, which turns the lower bounds into costs.
/// <para>
/// Of equally cheap paths the one with fewer steps is taken, then the one whose last node is preferred more by the shard it
/// enters. Without a previous assignment this is the walk clockwise past the nodes that have enough.
/// </para>
/// </summary>
internal sealed partial class AssignmentSolver
{
    private readonly HashRing _ring;
    private readonly ZoneTable _zones;
    private readonly ReplicaQuota _quota;
    private readonly int _shards;
    private readonly int _nodes;
    private readonly int _replicationFactor;

    // By shard: all nodes in its order of preference, and each node's place in that order.
    private readonly int[][] _order;
    private readonly int[][] _rank;

    // By shard and node: does a placement there count as a move?
    private readonly bool[][] _isMove;

    // The flow.
    private readonly bool[][] _holds;
    private readonly int[][] _inZone;
    private readonly int[] _replicas;
    private readonly int[] _load;

    public AssignmentSolver(HashRing ring, int shardCount, int replicationFactor)
    {
        _ring = ring;
        _zones = new ZoneTable(ring.Nodes);
        _quota = new ReplicaQuota(ring.Nodes, _zones, shardCount, replicationFactor);
        (_shards, _nodes, _replicationFactor) = (shardCount, ring.Nodes.Length, replicationFactor);
        _order = [.. Enumerable.Range(0, shardCount).Select(shard =>
            PreferenceList.Order(ring, _zones, TokenRange.OfShard(new ShardId(shard), shardCount).Start))];
        _rank = [.. _order.Select(Inverse)];
        _isMove = [.. _order.Select(_ => new bool[_nodes])];
        _holds = [.. _order.Select(_ => new bool[_nodes])];
        _inZone = [.. _order.Select(_ => new int[_zones.Count])];
        _replicas = new int[shardCount];
        _load = new int[_nodes];
        _search = new Search(shardCount + (shardCount * _zones.Count) + _nodes);
    }

    /// <summary>
    /// Starts from a previous assignment: its replicas as far as the zones' bounds and the least loads go, the better preferred
    /// first. What goes beyond the least loads is taken back by the search, for nothing, unless another node has more need of it; had
    /// it been kept at once, the flow would not be the cheapest of its size to begin with.
    /// </summary>
    public void Keep(ShardAssignment previous)
    {
        var index = _ring.Nodes.Select(static (node, i) => (node.Id, i)).ToDictionary(static pair => pair.Id, static pair => pair.i);
        var extrasMax = _replicationFactor - _quota.ZoneMin.Sum();
        for (var shard = 0; shard < _shards; shard++)
        {
            var (rank, extras) = (_rank[shard], 0);
            Array.Fill(_isMove[shard], true);
            foreach (var node in previous.Shards[shard].Where(index.ContainsKey).Select(id => index[id]).OrderBy(node => rank[node]))
            {
                _isMove[shard][node] = false;
                var zone = _zones.ZoneOf(node);
                var isExtra = _inZone[shard][zone] >= _quota.ZoneMin[zone];
                if (_load[node] < _quota.LoadMin[node] && _inZone[shard][zone] < _quota.ZoneMax[zone] && (!isExtra || extras < extrasMax))
                {
                    extras += isExtra ? 1 : 0;
                    _replicas[shard]++;
                    _inZone[shard][zone]++;
                    Place(shard, node);
                }
            }
        }
    }

    public ImmutableArray<ImmutableArray<NodeId>> Solve()
    {
        FillZones();
        FillShards();
        for (var node = 0; node < _nodes; node++)
        {
            Invariant.Holds(_load[node] >= _quota.LoadMin[node] && _load[node] <= _quota.LoadMax[node], "Every load is within its bounds");
        }

        return
        [
            .. Enumerable.Range(0, _shards).Select(shard =>
                _order[shard].Where(node => _holds[shard][node]).Select(node => _ring.Nodes[node].Id).ToImmutableArray()),
        ];
    }

    private void FillZones()
    {
        for (var shard = 0; shard < _shards; shard++)
        {
            for (var zone = 0; zone < _zones.Count; zone++)
            {
                while (_inZone[shard][zone] < _quota.ZoneMin[zone])
                {
                    Push(PlaceOf(shard, zone));
                    _replicas[shard]++;
                    _inZone[shard][zone]++;
                }
            }
        }
    }

    private void FillShards()
    {
        for (var shard = 0; shard < _shards; shard++)
        {
            while (_replicas[shard] < _replicationFactor)
            {
                Push(shard);
                _replicas[shard]++;
            }
        }
    }

    private void Place(int shard, int node)
    {
        _holds[shard][node] = true;
        _load[node]++;
    }

    private void Remove(int shard, int node)
    {
        _holds[shard][node] = false;
        _load[node]--;
    }

    private static int[] Inverse(int[] order)
    {
        var rank = new int[order.Length];
        for (var i = 0; i < order.Length; i++)
        {
            rank[order[i]] = i;
        }

        return rank;
    }
}
