using KvRaft.Topology;

namespace KvRaft.Node.Routing;

/// <summary>
/// The leaders of the shards of which this node has no replica, from the answers of other nodes. Hints only: a wrong one costs a hop. Never
/// larger than the shard map. Thread-safe.
/// </summary>
internal sealed class LeaderBoard
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ShardId, LeaderHint> _hints = [];

    public NodeId? Find(ShardId shard)
    {
        lock (_lock)
        {
            return _hints.TryGetValue(shard, out var hint) ? hint.Node : null;
        }
    }

    /// <summary>Records a leader, unless one of a later term is recorded.</summary>
    public void Learn(ShardId shard, LeaderHint hint)
    {
        lock (_lock)
        {
            if (!_hints.TryGetValue(shard, out var known) || known.Term <= hint.Term)
            {
                _hints[shard] = hint;
            }
        }
    }

    /// <summary>The node does not lead the shard, or does not answer.</summary>
    public void Forget(ShardId shard, NodeId node)
    {
        lock (_lock)
        {
            if (_hints.TryGetValue(shard, out var known) && known.Node == node)
            {
                _hints.Remove(shard);
            }
        }
    }
}
