using System.Collections.Immutable;
using System.Numerics;

namespace KvRaft.Topology;

/// <summary>
/// The nodes of each token range of the ring, at one <see cref="Epoch"/>. Servers and clients look keys up in the same immutable value: a reader
/// takes one map, keeps it for the whole request, and replaces it as a whole when a newer one arrives.
/// <para>
/// The ring is divided into <see cref="ShardCount"/> equal token ranges, a power of two, so the shard of a token is given by its topmost bits and a
/// lookup is one shift. The count is a property of this map, not of the format or the store: a split of all shards would be the next epoch with twice
/// the count.
/// </para>
/// <para>
/// Group 0 decides the changes that raise the epoch (replicas, nodes, keyspaces). Leaders are hints: they change without an epoch, and a hint of an
/// older term never replaces one of a newer term.
/// </para>
/// </summary>
public sealed class ShardMap : IEquatable<ShardMap>
{
    /// <summary>
    /// The maximum number of shards of a cluster. Each is a Raft group; a node with replicas of all of them would send thousands of heartbeats per
    /// round, and the map would take a quarter of a gRPC message.
    /// </summary>
    public const int ShardCountMax = 4096;

    /// <summary>
    /// The maximum number of replicas of a shard: seven tolerate the loss of three; each further one slows every write and adds little safety.
    /// </summary>
    public const int ReplicationFactorMax = 7;

    private readonly int _shift;

    private ShardMap(Epoch epoch, int replicationFactor, ulong hashSeed, ImmutableArray<ShardDescriptor> shards)
    {
        Epoch = epoch;
        ReplicationFactor = replicationFactor;
        HashSeed = hashSeed;
        Shards = shards;
        _shift = 63 - BitOperations.Log2((uint)shards.Length);
    }

    /// <summary>The version of nodes, replicas and keyspaces. Only grows.</summary>
    public Epoch Epoch { get; }

    public int ShardCount => Shards.Length;

    /// <summary>The number of replicas that each shard should have; during a move a shard may have one more.</summary>
    public int ReplicationFactor { get; }

    /// <summary>The seed of <see cref="KeyHash"/>; part of the identity of the store.</summary>
    public ulong HashSeed { get; }

    /// <summary>By shard number.</summary>
    public ImmutableArray<ShardDescriptor> Shards { get; }

    public ShardDescriptor this[ShardId shard] => Shards[shard.Value];

    /// <summary>A map with the given replicas, by shard number, and without leaders.</summary>
    /// <exception cref="ArgumentException">The shard count or the replication factor is out of bounds, or a shard has no replica or two on one
    /// node.</exception>
    public static ShardMap Create(
        Epoch epoch, int replicationFactor, ulong hashSeed, IReadOnlyList<ImmutableArray<Replica>> replicasByShard)
    {
        ArgumentNullException.ThrowIfNull(replicasByShard);
        CheckShardCount(replicasByShard.Count);
        ArgumentOutOfRangeException.ThrowIfLessThan(replicationFactor, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(replicationFactor, ReplicationFactorMax);
        var shards = ImmutableArray.CreateBuilder<ShardDescriptor>(replicasByShard.Count);
        for (var i = 0; i < replicasByShard.Count; i++)
        {
            var id = new ShardId(i);
            CheckReplicas(id, replicasByShard[i]);
            shards.Add(new ShardDescriptor(id, TokenRange.OfShard(id, replicasByShard.Count), replicasByShard[i], leader: null));
        }

        return new ShardMap(epoch, replicationFactor, hashSeed, shards.MoveToImmutable());
    }

    /// <summary>The map of a new cluster: every replica in its first incarnation, epoch 1.</summary>
    public static ShardMap Create(ShardAssignment assignment, ulong hashSeed = KeyHash.Seed)
    {
        ArgumentNullException.ThrowIfNull(assignment);
        var replicas = assignment.Shards
            .Select(static nodes => nodes.Select(static node => new Replica(node, Replica.IncarnationFirst)).ToImmutableArray())
            .ToArray();
        return Create(new Epoch(1), assignment.ReplicationFactor, hashSeed, replicas);
    }

    public static bool IsValidShardCount(int count) => count is >= 1 and <= ShardCountMax && BitOperations.IsPow2(count);

    /// <summary>The shard whose token range contains <paramref name="token"/>.</summary>
    public ShardId ShardOf(Token token) => new((int)((token.Value >> 1) >> _shift)); // Two shifts: a single shift by 64, with one shard, would have no effect.

    /// <summary>The shard that holds a key.</summary>
    public ShardId ShardOf(KeyspaceId keyspace, RoutingRule rule, ReadOnlySpan<byte> key) =>
        ShardOf(KeyHash.TokenOf(HashSeed, keyspace, rule, key));

    /// <summary>The shard that holds a key.</summary>
    public ShardId ShardOf(KeyspaceDescriptor keyspace, ReadOnlySpan<byte> key)
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        return ShardOf(keyspace.Id, keyspace.Routing, key);
    }

    /// <summary>The shards with a replica on <paramref name="node"/>, by number.</summary>
    public IEnumerable<ShardDescriptor> ShardsOn(NodeId node) => Shards.Where(shard => shard.ReplicaOn(node) is not null);

    /// <summary>The same map with a later epoch: something other than the replicas changed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The epoch is not higher.</exception>
    public ShardMap WithEpoch(Epoch epoch)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(epoch.Value, Epoch.Value);
        return new ShardMap(epoch, ReplicationFactor, HashSeed, Shards);
    }

    /// <summary>The map of the next epoch, with other replicas of a shard. A leader hint that names none of them is dropped.</summary>
    public ShardMap WithReplicas(ShardId shard, ImmutableArray<Replica> replicas)
    {
        CheckReplicas(shard, replicas);
        var old = this[shard];
        var next = new ShardDescriptor(shard, old.Range, replicas, leader: null);
        if (old.Leader is { } leader && next.ReplicaOn(leader.Node) is not null)
        {
            next = new ShardDescriptor(shard, old.Range, replicas, leader);
        }

        return new ShardMap(new Epoch(Epoch.Value + 1), ReplicationFactor, HashSeed, Shards.SetItem(shard.Value, next));
    }

    /// <summary>The same map, same epoch, with a newer leader hint. A hint of an older term changes nothing.</summary>
    public ShardMap WithLeader(ShardId shard, LeaderHint leader)
    {
        var old = this[shard];
        return old.Leader is { } known && (known.Term > leader.Term || known == leader)
            ? this
            : With(new ShardDescriptor(shard, old.Range, old.Replicas, leader));
    }

    /// <summary>The same map, same epoch, without a leader for the shard.</summary>
    public ShardMap WithoutLeader(ShardId shard)
    {
        var old = this[shard];
        return old.Leader is null ? this : With(new ShardDescriptor(shard, old.Range, old.Replicas, leader: null));
    }

    public bool Equals(ShardMap? other) =>
        other is not null && Epoch == other.Epoch && ReplicationFactor == other.ReplicationFactor && HashSeed == other.HashSeed
        && Shards.AsSpan().SequenceEqual(other.Shards.AsSpan());

    public override bool Equals(object? obj) => Equals(obj as ShardMap);

    public override int GetHashCode() => Epoch.Value.GetHashCode();

    internal static void CheckShardCount(int count)
    {
        if (!IsValidShardCount(count))
        {
            throw new ArgumentOutOfRangeException(nameof(count), count, $"The shard count must be a power of two, at most {ShardCountMax}.");
        }
    }

    private static void CheckReplicas(ShardId shard, ImmutableArray<Replica> replicas)
    {
        if (replicas.IsDefaultOrEmpty)
        {
            throw new ArgumentException($"Shard {shard} has no replica.", nameof(replicas));
        }

        for (var i = 1; i < replicas.Length; i++)
        {
            for (var j = 0; j < i; j++)
            {
                if (replicas[i].Node == replicas[j].Node)
                {
                    throw new ArgumentException($"Shard {shard} has two replicas on {replicas[i].Node}.", nameof(replicas));
                }
            }
        }
    }

    private ShardMap With(ShardDescriptor shard) =>
        new(Epoch, ReplicationFactor, HashSeed, Shards.SetItem(shard.Id.Value, shard));
}
