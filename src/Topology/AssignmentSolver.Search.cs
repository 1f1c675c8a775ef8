namespace KvRaft.Topology;

/// <content>The shortest path of one unit from a missing replica to a node that may hold it (Dijkstra on reduced costs).</content>
internal sealed partial class AssignmentSolver
{
    /// <summary>The gain of filling a node below its minimum load: more than the cost of moving all replicas (4096 shards × 7).</summary>
    private const int NeedWorth = 1 << 15;

    private readonly Search _search;

    /// <summary>
    /// The kinds of places on a path. Places have consecutive numbers: first the shards, then the zones of each shard, then the nodes.
    /// </summary>
    private enum PlaceKind
    {
        Shard,
        Zone,
        Node,
    }

    private int FirstZonePlace => _shards;

    private int FirstNodePlace => _shards + (_shards * _zones.Count);

    /// <summary>Sends one unit from <paramref name="source"/> along the cheapest path to a node with free capacity, and updates the flow.</summary>
    private void Push(int source)
    {
        _search.Start(source);
        var (end, endCost) = (-1, int.MaxValue);
        while (_search.TryNext(out var place, out var cost) && cost < endCost)
        {
            if (KindOf(place) == PlaceKind.Node && EndCost(NodeOf(place)) is { } last && cost + last + _search.Potential(place) < endCost)
            {
                (end, endCost) = (place, cost + last + _search.Potential(place));
            }

            Expand(place);
        }

        Invariant.Holds(end >= 0, "The bounds of zones and loads admit a solution, so a path leads to it");
        Book(end);
        _search.Finish(endCost);
    }

    // The reduced cost of leaving the network, without the potential of the place; null if the node is full. The sink has the constant potential
    // -NeedWorth, so the cost is 0 at a node below its minimum.
    private int? EndCost(int node) =>
        _load[node] < _quota.LoadMin[node] ? 0 : _load[node] < _quota.LoadMax[node] ? NeedWorth : null;

    private void Expand(int place)
    {
        switch (KindOf(place))
        {
            case PlaceKind.Shard:
                ExpandShard(place);
                break;
            case PlaceKind.Zone:
                ExpandZone(place);
                break;
            default:
                ExpandNode(place);
                break;
        }
    }

    private void ExpandShard(int shard)
    {
        for (var zone = 0; zone < _zones.Count; zone++)
        {
            if (_inZone[shard][zone] < _quota.ZoneMax[zone])
            {
                _search.Reach(shard, PlaceOf(shard, zone), 0, 0);
            }
        }
    }

    private void ExpandZone(int place)
    {
        var (shard, zone) = (ShardOf(place), ZoneOf(place));
        foreach (var node in _zones.NodesOf(zone))
        {
            if (!_holds[shard][node])
            {
                _search.Reach(place, PlaceOf(node), _isMove[shard][node] ? 1 : 0, _rank[shard][node]);
            }
        }

        if (_inZone[shard][zone] > _quota.ZoneMin[zone])
        {
            _search.Reach(place, shard, 0, 0);
        }
    }

    private void ExpandNode(int place)
    {
        var node = NodeOf(place);
        var zone = _zones.ZoneOf(node);
        for (var shard = 0; shard < _shards; shard++)
        {
            if (_holds[shard][node])
            {
                _search.Reach(place, PlaceOf(shard, zone), _isMove[shard][node] ? -1 : 0, 0);
            }
        }
    }

    private void Book(int end)
    {
        for (int place = end, from = _search.CameFrom(place); from >= 0; place = from, from = _search.CameFrom(place))
        {
            switch (KindOf(from), KindOf(place))
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

    private PlaceKind KindOf(int place) =>
        place < FirstZonePlace ? PlaceKind.Shard : place < FirstNodePlace ? PlaceKind.Zone : PlaceKind.Node;

    private int PlaceOf(int node) => FirstNodePlace + node;

    private int PlaceOf(int shard, int zone) => FirstZonePlace + (shard * _zones.Count) + zone;

    private int NodeOf(int nodePlace) => nodePlace - FirstNodePlace;

    private int ShardOf(int zonePlace) => (zonePlace - FirstZonePlace) / _zones.Count;

    private int ZoneOf(int zonePlace) => (zonePlace - FirstZonePlace) % _zones.Count;

    /// <summary>The labels of all searches. A label is valid only in the search that wrote it; potentials stay.</summary>
    private sealed class Search(int places)
    {
        private readonly PriorityQueue<int, (int Cost, int Steps, int Rank, int Place)> _queue = new();
        private readonly (int Cost, int Steps, int Rank, int From)[] _labels = new (int, int, int, int)[places];
        private readonly int[] _labelled = new int[places];
        private readonly int[] _settled = new int[places];
        private readonly int[] _potentials = new int[places];
        private readonly List<int> _settledNow = [];
        private int _number;

        public int Potential(int place) => _potentials[place];

        public int CameFrom(int place) => _labels[place].From;

        public void Start(int source)
        {
            _number++;
            _queue.Clear();
            _settledNow.Clear();
            Label(source, (0, 0, 0, -1));
        }

        public bool TryNext(out int place, out int cost)
        {
            while (_queue.TryDequeue(out place, out var priority))
            {
                if (_settled[place] != _number)
                {
                    _settled[place] = _number;
                    _settledNow.Add(place);
                    cost = priority.Cost;
                    return true;
                }
            }

            cost = 0;
            return false;
        }

        public void Reach(int from, int place, int cost, int rank)
        {
            if (_settled[place] == _number)
            {
                return;
            }

            var reduced = cost + _potentials[from] - _potentials[place];
            Invariant.Holds(reduced >= 0, "The flow is the cheapest of its size, so no reduced cost is negative");
            var label = (_labels[from].Cost + reduced, _labels[from].Steps + 1, rank, from);
            if (_labelled[place] != _number || label.CompareTo(_labels[place]) < 0)
            {
                Label(place, label);
            }
        }

        /// <summary>
        /// Updates the potentials after a path of length <paramref name="cost"/>: places that were nearer than its end move by the difference.
        /// </summary>
        public void Finish(int cost)
        {
            foreach (var place in _settledNow)
            {
                _potentials[place] += Math.Min(0, _labels[place].Cost - cost);
            }
        }

        private void Label(int place, (int Cost, int Steps, int Rank, int From) label)
        {
            _labelled[place] = _number;
            _labels[place] = label;
            _queue.Enqueue(place, (label.Cost, label.Steps, label.Rank, place));
        }
    }
}
