using KvRaft.V1;

namespace KvRaft.Client.Routing;

/// <summary>
/// Holds the newest <see cref="RouteTable"/>, which is replaced as a whole. Epochs and terms only increase, regardless of the order in which updates
/// arrive: from the watch, from hints in errors, from headers of answers. Thread-safe.
/// </summary>
internal sealed class RouteCache
{
    private RouteTable _table = RouteTable.Empty;

    private long _knownEpoch;

    /// <summary>Called when the map of another cluster is installed: all information about shards is invalid.</summary>
    public Action? ClusterReplaced { get; set; }

    public RouteTable Table => Volatile.Read(ref _table);

    /// <summary>The epoch of the newest change of keyspaces that was made through this client; 0: none.</summary>
    public long KnownEpoch => Volatile.Read(ref _knownEpoch);

    /// <summary>A change was made: answers from nodes with an older epoch are not accepted.</summary>
    public void Made(long epoch)
    {
        for (var known = KnownEpoch; epoch > known;)
        {
            var before = Interlocked.CompareExchange(ref _knownEpoch, epoch, known);
            known = before == known ? epoch : before;
        }
    }

    /// <returns>True if the map was newer and was installed.</returns>
    public bool Offer(RouteMap map)
    {
        var fresh = new RouteTable(map);
        if (Table.Map.ClusterId is { Length: > 0 } cluster && cluster != map.ClusterId)
        {
            Volatile.Write(ref _knownEpoch, 0);
            ClusterReplaced?.Invoke();
        }

        // A new cluster under the same addresses starts its epochs again.
        return Change(old => map.ClusterId != old.Map.ClusterId ? fresh
            : map.Epoch > old.Epoch ? KeepNewerLeaders(fresh, old) : old);
    }

    public void Offer(IEnumerable<LeaderHint> leaders)
    {
        foreach (var hint in leaders)
        {
            Change(old => old.WithLeader(hint.Shard, hint.NodeId.Length == 0 ? null : hint.NodeId, hint.Term));
        }
    }

    /// <summary>From an error: another node leads the shard, or it has no leader.</summary>
    public void Offer(RouteHint hint) =>
        Change(old => old.WithLeader(hint.Shard, hint.LeaderNode.Length == 0 ? null : hint.LeaderNode, hint.Term));

    /// <summary>From an answer: the node that gave it.</summary>
    public void Learn(ResponseHeader header)
    {
        // Usually nothing is allocated: the answer came from the cached leader.
        if (header.RoleServed == ServedRole.Leader && Table.Shard(header.Shard).Leader != header.ServedBy)
        {
            Change(old => old.WithLeader(header.Shard, header.ServedBy, header.Term));
        }
    }

    private static RouteTable KeepNewerLeaders(RouteTable fresh, RouteTable old)
    {
        // After a split a shard number covers another token range, and the old table has no information about its leader.
        if (fresh.ShardCount != old.ShardCount)
        {
            return fresh;
        }

        for (var shard = 0; shard < fresh.ShardCount; shard++)
        {
            var known = old.Shard(shard);
            fresh = fresh.WithLeader(shard, known.Leader, known.LeaderTerm);
        }

        return fresh;
    }

    private bool Change(Func<RouteTable, RouteTable> change)
    {
        while (true)
        {
            var old = Table;
            var changed = change(old);
            if (ReferenceEquals(changed, old))
            {
                return false;
            }

            if (ReferenceEquals(Interlocked.CompareExchange(ref _table, changed, old), old))
            {
                return true;
            }
        }
    }
}
