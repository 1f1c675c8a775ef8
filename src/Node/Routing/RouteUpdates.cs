using KvRaft.V1;

namespace KvRaft.Node.Routing;

/// <summary>What one watcher of routes was told last, and what it therefore lacks. Pure but for its memory; one per stream.</summary>
internal sealed class RouteUpdates(long sinceEpoch)
{
    private readonly Dictionary<int, LeaderHint> _told = [];
    private long _epoch = sinceEpoch;
    private bool _first = true;

    /// <summary>What to send now; null if the watcher is up to date.</summary>
    /// <param name="epoch">The epoch in force.</param>
    /// <param name="map">Makes the map of that epoch; called only if the watcher lacks it.</param>
    /// <param name="leaders">The leaders known now, one hint per shard.</param>
    public RouteUpdate? Next(long epoch, Func<RouteMap> map, IReadOnlyList<LeaderHint> leaders)
    {
        var update = new RouteUpdate { Epoch = epoch };
        var lacksMap = epoch > _epoch;
        if (lacksMap)
        {
            update.Map = map();
            _epoch = epoch;
        }

        foreach (var hint in leaders)
        {
            // A shard nobody is known to lead is only news if somebody was.
            var known = _told.GetValueOrDefault(hint.Shard);
            if (known is null ? hint.NodeId.Length > 0 : known.NodeId != hint.NodeId || known.Term < hint.Term)
            {
                update.Leaders.Add(hint);
                _told[hint.Shard] = hint;
            }
        }

        var isNews = _first || lacksMap || update.Leaders.Count > 0;
        _first = false;
        return isNews ? update : null;
    }
}
