using System.Collections.Immutable;

namespace KvRaft.Topology;

/// <summary>
/// Finds an assignment within a <see cref="ReplicaQuota"/> with the minimum number of moves. The rules form a flow network: units enter at a shard,
/// pass through one of its zones, and end at a node:
/// <code>
///   shard s ──(ZoneMin..ZoneMax)──► zone z of s ──(0..1)──► node x ──(LoadMin..LoadMax)──►
/// </code>
/// A solution exists, because the fair shares are a fractional flow, and a flow network with integer bounds has an integer solution. A placement
/// costs 1 if the node did not hold the shard before, so the cheapest flow has the fewest moves. It is computed with successive shortest paths with
/// potentials (Ahuja, Magnanti, Orlin, Network Flows, section 9.7): one path for each missing replica, which may revert placements and replace them
/// by others; after each path the flow is the cheapest of its size. The gain of filling a load below LoadMin is higher than the cost of any number of
/// moves, so the lower bounds are expressed as costs.
/// <para>
/// Among equally cheap paths the one with the fewest steps wins, then the one whose last node has the highest preference of its shard. Without a
/// previous assignment this equals the clockwise walk that skips full nodes.
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

    // By shard: all nodes in its order of preference, and the rank of each node in that order.
    private readonly int[][] _order;
    private readonly int[][] _rank;

    // By shard and node: true if a placement there counts as a move.
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
    /// Starts from a previous assignment: keeps its replicas within the zone bounds and the minimum loads, in the order of preference. The search
    /// takes back the replicas above the minimum loads without cost, unless another node needs the shard more; if they were kept here, the initial
    /// flow would not be the cheapest of its size.
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
