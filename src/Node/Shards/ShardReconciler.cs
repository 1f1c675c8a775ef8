using KvRaft.Placement.State;
using KvRaft.Raft.Membership;
using KvRaft.Topology;

namespace KvRaft.Node.Shards;

/// <summary>A replica that should run here, and with whom.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Incarnation">Which copy of it on this node.</param>
/// <param name="Voters">Where the shard map puts the replicas: its first voters, or those to learn from.</param>
/// <param name="IsLearner">It came after the shard was founded, and is a voter once its group made it one.</param>
internal sealed record ReplicaWish(ShardId Shard, int Incarnation, IReadOnlyList<GroupVoter> Voters, bool IsLearner);

/// <summary>A replica that runs here.</summary>
internal readonly record struct RunningReplica(ShardId Shard, int Incarnation);

/// <summary>What to do about the difference; close first, then open, each in the order of shards.</summary>
internal sealed record ReplicaChanges(IReadOnlyList<RunningReplica> Close, IReadOnlyList<ReplicaWish> Open)
{
    public bool IsEmpty => Close.Count == 0 && Open.Count == 0;
}

/// <summary>
/// The difference between the replicas that the shard map and the moves put on this node and those that run. Pure: the map is the wish,
/// the running replicas are the fact, and doing the difference twice does nothing the second time.
/// </summary>
internal static class ShardReconciler
{
    public static ReplicaChanges Diff(ShardMap? desired, IEnumerable<ShardMove> moves, NodeId self, IEnumerable<RunningReplica> running)
    {
        if (desired is null)
        {
            // No map is not an empty map: a node that does not know its duties yet drops nothing.
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

    private static ReplicaWish ToWish(ShardDescriptor shard, Replica here) => new(
        shard.Id,
        here.Incarnation,
        [.. shard.Replicas.Select(replica => new GroupVoter(replica.Node, replica.Incarnation))],
        IsLearner: here.Incarnation > Replica.IncarnationFirst);
}
