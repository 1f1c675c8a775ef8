using KvRaft.V1;

namespace KvRaft.Node.Routing;

/// <summary>The last routes that one watcher received, and therefore the part that it lacks. Pure except for this memory; one per stream.</summary>
internal sealed class RouteUpdates(long sinceEpoch)
{
    private readonly Dictionary<int, LeaderHint> _told = [];
    private long _epoch = sinceEpoch;
    private bool _first = true;

    /// <summary>The update to send now; null if the watcher is up to date.</summary>
    /// <param name="epoch">The epoch in force.</param>
    /// <param name="map">Makes the map of that epoch; called only if the watcher lacks it.</param>
    /// <param name="leaders">The leaders recorded now, one hint per shard.</param>
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
            // A shard without a recorded leader is news only if it had one before.
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
