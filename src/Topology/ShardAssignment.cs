using System.Collections.Immutable;

namespace KvRaft.Topology;

/// <summary>
/// The nodes that hold the replicas of each shard. The basic rule: the first RF distinct nodes clockwise from the start of the shard's token range,
/// distinct zones first (<see cref="PreferenceList"/>). There are two corrections:
/// <list type="bullet">
/// <item><b>Bounded load.</b> With 64 shards, chance alone would give one node twice the shards of another. So each node has bounds around its fair
/// share by weight: 3 % of it, or less than one replica if that is more. A full node is skipped (consistent hashing with bounded loads, Mirrokni,
/// Thorup, Zadimoghaddam, SODA 2018).</item>
/// <item><b>Minimum movement.</b> Given the previous assignment, every replica stays unless a rule requires a move (its node was removed, two in one
/// zone, a load out of bounds). A move takes the shortest path: one replica from the node that has too many to one that may have more; a chain of
/// moves is used only if zones require it.</item>
/// </list>
/// A pure function: equal input gives equal output on every machine, for any order of the nodes. Nevertheless group 0 stores the result and not the
/// input, so that this algorithm can be improved without moving the shards of existing clusters.
/// </summary>
public sealed class ShardAssignment
{
    private ShardAssignment(int replicationFactor, ImmutableArray<ImmutableArray<NodeId>> shards)
    {
        ReplicationFactor = replicationFactor;
        Shards = shards;
    }

    public int ReplicationFactor { get; }

    public int ShardCount => Shards.Length;

    /// <summary>The nodes of each shard, by shard number, in the order of the shard's preference list.</summary>
    public ImmutableArray<ImmutableArray<NodeId>> Shards { get; }

    public ImmutableArray<NodeId> this[ShardId shard] => Shards[shard.Value];

    /// <summary>Assigns the shards of a new cluster.</summary>
    /// <exception cref="ArgumentException">The shard count is not a power of two, or the ring has fewer nodes than the requested
    /// replicas.</exception>
    public static ShardAssignment Of(HashRing ring, int shardCount, int replicationFactor)
    {
        ArgumentNullException.ThrowIfNull(ring);
        ShardMap.CheckShardCount(shardCount);
        return Solve(ring, shardCount, replicationFactor, null);
    }

    /// <summary>Assigns the same shards to the nodes of a changed ring, with the minimum number of moves that the rules require.</summary>
    /// <exception cref="ArgumentException">The ring has fewer nodes than the requested replicas.</exception>
    public static ShardAssignment Of(HashRing ring, int replicationFactor, ShardAssignment previous)
    {
        ArgumentNullException.ThrowIfNull(ring);
        ArgumentNullException.ThrowIfNull(previous);
        return Solve(ring, previous.ShardCount, replicationFactor, previous);
    }

    /// <summary>
    /// The number of replicas that each node of a ring should hold, in the order of its nodes: proportional to weight, within the rules for zones and
    /// one replica of a shard per node. An assignment differs from it by at most 3 %, or by less than one replica if that is more.
    /// </summary>
    public static ImmutableArray<double> FairShares(HashRing ring, int shardCount, int replicationFactor)
    {
        ArgumentNullException.ThrowIfNull(ring);
        return [.. new ReplicaQuota(ring.Nodes, new ZoneTable(ring.Nodes), shardCount, replicationFactor).FairShare];
    }

    /// <summary>The assignment of a map, as the starting point of a change.</summary>
    public static ShardAssignment Of(ShardMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        return new ShardAssignment(
            map.ReplicationFactor,
            [.. map.Shards.Select(static shard => shard.Replicas.Select(static replica => replica.Node).ToImmutableArray())]);
    }

    /// <summary>The number of replicas of this assignment on nodes that did not hold the shard in <paramref name="previous"/>.</summary>
    public int MovedSince(ShardAssignment previous)
    {
        ArgumentNullException.ThrowIfNull(previous);
        var moved = 0;
        for (var shard = 0; shard < ShardCount; shard++)
        {
            moved += Shards[shard].Count(node => !previous.Shards[shard].Contains(node));
        }

        return moved;
    }

    private static ShardAssignment Solve(HashRing ring, int shardCount, int replicationFactor, ShardAssignment? previous)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(replicationFactor, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(replicationFactor, ShardMap.ReplicationFactorMax);
        if (ring.Nodes.Length < replicationFactor)
        {
            throw new ArgumentException($"{ring.Nodes.Length} nodes cannot hold {replicationFactor} replicas of a shard.", nameof(replicationFactor));
        }

        var solver = new AssignmentSolver(ring, shardCount, replicationFactor);
        if (previous is not null)
        {
            solver.Keep(previous);
        }

        return new ShardAssignment(replicationFactor, solver.Solve());
    }
}
