using KvRaft.Raft;
using KvRaft.Topology;

namespace KvRaft.Node.Shards;

/// <summary>A replica that should run here, and with whom.</summary>
internal sealed record ReplicaWish(ShardId Shard, int Incarnation, IReadOnlyList<GroupVoter> Voters);

/// <summary>A replica that runs here.</summary>
internal readonly record struct RunningReplica(ShardId Shard, int Incarnation);

/// <summary>What to do about the difference; close first, then open, each in the order of shards.</summary>
internal sealed record ReplicaChanges(IReadOnlyList<RunningReplica> Close, IReadOnlyList<ReplicaWish> Open)
{
    public bool IsEmpty => Close.Count == 0 && Open.Count == 0;
}

/// <summary>
/// The difference between the replicas the shard map puts on this node and those that run. Pure: the map is the wish, the
/// running replicas are the fact, and doing the difference twice does nothing the second time.
/// </summary>
internal static class ShardReconciler
{
    public static ReplicaChanges Diff(ShardMap? desired, NodeId self, IEnumerable<RunningReplica> running)
    {
        if (desired is null)
        {
            // No map is not an empty map: a node that does not know its duties yet drops nothing.
            return new ReplicaChanges([], []);
        }

        var wishes = desired.Shards
            .Where(shard => shard.ReplicaOn(self) is not null)
            .ToDictionary(shard => shard.Id, shard => ToWish(shard, self));
        var kept = new HashSet<ShardId>();
        var close = new List<RunningReplica>();
        foreach (var replica in running.OrderBy(replica => replica.Shard))
        {
            // Another incarnation is another replica: the old one must be gone before the new one starts.
            if (wishes.TryGetValue(replica.Shard, out var wish) && wish.Incarnation == replica.Incarnation)
            {
                kept.Add(replica.Shard);
            }
            else
            {
                close.Add(replica);
            }
        }

        return new ReplicaChanges(close, [.. wishes.Values.Where(wish => !kept.Contains(wish.Shard)).OrderBy(wish => wish.Shard)]);
    }

    private static ReplicaWish ToWish(ShardDescriptor shard, NodeId self) => new(
        shard.Id,
        shard.ReplicaOn(self)!.Value.Incarnation,
        [.. shard.Replicas.Select(replica => new GroupVoter(replica.Node, replica.Incarnation))]);
}
