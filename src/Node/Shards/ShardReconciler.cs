using KvRaft.Placement.State;
using KvRaft.Raft.Membership;
using KvRaft.Topology;

namespace KvRaft.Node.Shards;

/// <summary>A replica that should run here, and its group.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Incarnation">The number of the replica among those of the shard on this node over time.</param>
/// <param name="Voters">The replicas in the shard map: its first voters, or those to learn from.</param>
/// <param name="IsLearner">It was added after the shard was founded, and becomes a voter when its group makes it one.</param>
internal sealed record ReplicaWish(ShardId Shard, int Incarnation, IReadOnlyList<GroupVoter> Voters, bool IsLearner);

/// <summary>A replica that runs here.</summary>
internal readonly record struct RunningReplica(ShardId Shard, int Incarnation);

/// <summary>The steps that remove the difference; close first, then open, each in the order of shards.</summary>
internal sealed record ReplicaChanges(IReadOnlyList<RunningReplica> Close, IReadOnlyList<ReplicaWish> Open)
{
    public bool IsEmpty => Close.Count == 0 && Open.Count == 0;
}

/// <summary>
/// The difference between the replicas that the shard map and the moves assign to this node and those that run. Pure: the map is the desired state,
/// the running replicas are the actual state, and applying the difference a second time does nothing.
/// </summary>
internal static class ShardReconciler
{
    public static ReplicaChanges Diff(ShardMap? desired, IEnumerable<ShardMove> moves, NodeId self, IEnumerable<RunningReplica> running)
    {
        if (desired is null)
        {
            // No map is not an empty map: a node that has not received its assignments drops nothing.
            return new ReplicaChanges([], []);
        }

        var coming = moves.Where(move => move.To.Node == self).ToDictionary(static move => move.Shard, static move => move.To);
        var wishes = desired.Shards
            .Select(shard => (Shard: shard, Replica: shard.ReplicaOn(self) ?? (coming.TryGetValue(shard.Id, out var to) ? to : null)))
            .Where(static wish => wish.Replica is not null)
            .ToDictionary(static wish => wish.Shard.Id, static wish => ToWish(wish.Shard, wish.Replica!.Value));
        var kept = new HashSet<ShardId>();
        var close = new List<RunningReplica>();
        foreach (var replica in running.OrderBy(replica => replica.Shard))
        {
            // Another incarnation is another replica: the old one must have ended before the new one starts.
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

    private static ReplicaWish ToWish(ShardDescriptor shard, Replica here) => new(
        shard.Id,
        here.Incarnation,
        [.. shard.Replicas.Select(replica => new GroupVoter(replica.Node, replica.Incarnation))],
        IsLearner: here.Incarnation > Replica.IncarnationFirst);
}
