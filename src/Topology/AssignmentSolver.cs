using System.Collections.Immutable;

namespace KvRaft.Topology;

/// <summary>
/// Finds an assignment within a <see cref="ReplicaQuota"/>. The rules are a flow: a unit enters at a shard, passes one of its zones,
/// ends at a node:
/// <code>
///   shard s ──(ZoneMin..ZoneMax)──► zone z of s ──(0..1)──► node x ──(LoadMin..LoadMax)──►
/// </code>
/// A replica that is missing, one too many on a node, or one too few, is a unit that must get from one place to another, and the
/// shortest augmenting path (breadth first, Edmonds and Karp) takes it there with the fewest moves. Such a path exists whenever the
/// bounds can be met at all, and they can: the fair shares themselves are a flow in fractions, and flows with
/// whole bounds have whole solutions.
/// <para>
/// Three passes: fill what is missing, relieve who has too much, raise who has too little. Of paths of equal length the one is taken
/// whose last node stands first in the preference list of the shard it enters.
/// </para>
/// </summary>
internal sealed class AssignmentSolver
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

    // The flow.
    private readonly bool[][] _holds;
    private readonly int[][] _inZone;
    private readonly int[] _replicas;
    private readonly int[] _load;

    // The search: for each place the one it was reached from, and the number of the level it was reached in. Levels are numbered on and
    // on, so a place is new to this search if its level is below the search's first.
    private readonly int[] _from;
    private readonly int[] _level;
    private int _firstLevel;
    private int _currentLevel;

    public AssignmentSolver(HashRing ring, int shardCount, int replicationFactor)
    {
        _ring = ring;
        _zones = new ZoneTable(ring.Nodes);
        _quota = new ReplicaQuota(ring.Nodes, _zones, shardCount, replicationFactor);
        (_shards, _nodes, _replicationFactor) = (shardCount, ring.Nodes.Length, replicationFactor);
        _order = [.. Enumerable.Range(0, shardCount).Select(shard =>
            PreferenceList.Order(ring, _zones, TokenRange.OfShard(new ShardId(shard), shardCount).Start))];
        _rank = [.. _order.Select(Inverse)];
        _holds = [.. _order.Select(_ => new bool[_nodes])];
        _inZone = [.. _order.Select(_ => new int[_zones.Count])];
        _replicas = new int[shardCount];
        _load = new int[_nodes];
        _from = new int[ShardPlaces + ZonePlaces + _nodes];
        _level = new int[_from.Length];
    }

    private enum Wanted
    {
        /// <summary>Any node with room.</summary>
        Room,

        /// <summary>One certain node, however full.</summary>
        Target,
    }

    /// <summary>Where a unit can stand. Places are numbered through: first the shards, then the zones of each shard, then the nodes.</summary>
    private enum PlaceKind
    {
        Shard,
        Zone,
        Node,
    }

    private int ShardPlaces => _shards;

    private int ZonePlaces => _shards * _zones.Count;

    /// <summary>Takes over what the zones' bounds allow of a previous assignment; the better preferred of too many stay.</summary>
    public void Keep(ShardAssignment previous)
    {
        var index = _ring.Nodes.Select(static (node, i) => (node.Id, i)).ToDictionary(static pair => pair.Id, static pair => pair.i);
        for (var shard = 0; shard < _shards; shard++)
        {
            var rank = _rank[shard];
            var known = previous.Shards[shard].Where(index.ContainsKey).Select(id => index[id]).OrderBy(node => rank[node]);
            var extras = _replicationFactor - _quota.ZoneMin.Sum();
            foreach (var node in known)
            {
                var zone = _zones.ZoneOf(node);
                var isExtra = _inZone[shard][zone] >= _quota.ZoneMin[zone];
                if (_inZone[shard][zone] < _quota.ZoneMax[zone] && (!isExtra || extras-- > 0))
                {
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
        Relieve();
        Raise();
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
                    Push([PlaceOf(shard, zone)], Wanted.Room);
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
                Push([shard], Wanted.Room);
                _replicas[shard]++;
            }
        }
    }

    private void Relieve()
    {
        for (var node = 0; node < _nodes; node++)
        {
            while (_load[node] > _quota.LoadMax[node])
            {
                Push([PlaceOf(node)], Wanted.Room);
            }
        }
    }

    private void Raise()
    {
        for (var node = 0; node < _nodes; node++)
        {
            while (_load[node] < _quota.LoadMin[node])
            {
                var givers = Enumerable.Range(0, _nodes).Where(giver => _load[giver] > _quota.LoadMin[giver]).Select(giver => PlaceOf(giver));
                Push([.. givers], Wanted.Target, node);
            }
        }
    }

    /// <summary>Sends one unit along the shortest path from one of <paramref name="sources"/> to a wanted node, and books it.</summary>
    private void Push(int[] sources, Wanted wanted, int target = -1)
    {
        _firstLevel = ++_currentLevel;
        foreach (var source in sources)
        {
            _level[source] = _currentLevel;
            _from[source] = -1;
        }

        for (List<int> reached = [.. sources], next = []; reached.Count > 0; (reached, next) = (next, reached))
        {
            _currentLevel++;
            next.Clear();
            foreach (var place in reached)
            {
                Expand(place, next);
            }

            var ends = next.Where(place => Kind(place) == PlaceKind.Node && Ends(NodeOf(place), wanted, target)).ToArray();
            if (ends.Length > 0)
            {
                Book(ends.MinBy(Preference));
                return;
            }
        }

        Invariant.Holds(false, "The bounds of zones and loads admit a solution, so there is a path to it");
    }

    private bool Ends(int node, Wanted wanted, int target) =>
        wanted == Wanted.Target ? node == target : _load[node] < _quota.LoadMax[node];

    // A node below its least load comes first, then the better preferred one, then the lower shard and the earlier name.
    private (bool HasEnough, int Rank, int Shard, int Node) Preference(int place)
    {
        var node = NodeOf(place);
        var shard = ShardOf(_from[place]);
        return (_load[node] >= _quota.LoadMin[node], _rank[shard][node], shard, node);
    }

    private void Expand(int place, List<int> next)
    {
        switch (Kind(place))
        {
            case PlaceKind.Shard:
                ExpandShard(place, next);
                break;
            case PlaceKind.Zone:
                ExpandZone(place, next);
                break;
            default:
                ExpandNode(place, next);
                break;
        }
    }

    private void ExpandShard(int shard, List<int> next)
    {
        for (var zone = 0; zone < _zones.Count; zone++)
        {
            if (_inZone[shard][zone] < _quota.ZoneMax[zone])
            {
                Reach(PlaceOf(shard, zone), shard, next);
            }
        }
    }

    private void ExpandZone(int place, List<int> next)
    {
        var (shard, zone) = (ShardOf(place), ZoneOf(place));
        foreach (var node in _zones.NodesOf(zone))
        {
            if (!_holds[shard][node])
            {
                ReachNode(PlaceOf(node), place, next);
            }
        }

        if (_inZone[shard][zone] > _quota.ZoneMin[zone])
        {
            Reach(shard, place, next);
        }
    }

    private void ExpandNode(int place, List<int> next)
    {
        var node = NodeOf(place);
        var zone = _zones.ZoneOf(node);
        for (var shard = 0; shard < _shards; shard++)
        {
            if (_holds[shard][node])
            {
                Reach(PlaceOf(shard, zone), place, next);
            }
        }
    }

    private void Reach(int place, int from, List<int> next)
    {
        if (_level[place] < _firstLevel)
        {
            _level[place] = _currentLevel;
            _from[place] = from;
            next.Add(place);
        }
    }

    // Of several shards from which a node is reached in one level, it is entered from the one that prefers it most.
    private void ReachNode(int place, int from, List<int> next)
    {
        var node = NodeOf(place);
        if (_level[place] == _currentLevel && _rank[ShardOf(from)][node] < _rank[ShardOf(_from[place])][node])
        {
            _from[place] = from;
            return;
        }

        Reach(place, from, next);
    }

    private void Book(int last)
    {
        for (var place = last; _from[place] >= 0; place = _from[place])
        {
            var from = _from[place];
            switch (Kind(from), Kind(place))
            {
                case (PlaceKind.Shard, PlaceKind.Zone):
                    _inZone[from][ZoneOf(place)]++;
                    break;
                case (PlaceKind.Zone, PlaceKind.Shard):
                    _inZone[place][ZoneOf(from)]--;
                    break;
                case (PlaceKind.Zone, PlaceKind.Node):
                    Place(ShardOf(from), NodeOf(place));
                    break;
                case (PlaceKind.Node, PlaceKind.Zone):
                    Remove(ShardOf(place), NodeOf(from));
                    break;
                default:
                    throw new InvariantException($"No edge leads from {from} to {place}.");
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

    private int PlaceOf(int node) => ShardPlaces + ZonePlaces + node;

    private int NodeOf(int nodePlace) => nodePlace - ShardPlaces - ZonePlaces;

    private int PlaceOf(int shard, int zone) => ShardPlaces + (shard * _zones.Count) + zone;

    private int ShardOf(int zonePlace) => (zonePlace - ShardPlaces) / _zones.Count;

    private int ZoneOf(int zonePlace) => (zonePlace - ShardPlaces) % _zones.Count;

    private PlaceKind Kind(int place) =>
        place < ShardPlaces ? PlaceKind.Shard : place < ShardPlaces + ZonePlaces ? PlaceKind.Zone : PlaceKind.Node;

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
