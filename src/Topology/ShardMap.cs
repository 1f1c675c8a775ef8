using System.Collections.Immutable;
using System.Numerics;

namespace KvRaft.Topology;

/// <summary>
/// Who holds which part of the ring, at one <see cref="Epoch"/>. Servers and clients look keys up in the same immutable value: take
/// one, keep it for the whole request, and swap it whole when a newer one comes.
/// <para>
/// The ring is cut into <see cref="ShardCount"/> equal arcs, a power of two, so the shard of a token is its topmost bits and a lookup
/// is one shift. The count belongs to this map, not to the format or the store: a split of all shards would be the next epoch with
/// twice the count.
/// </para>
/// <para>
/// What changes the epoch is decided by group 0 (replicas, nodes, keyspaces). Leaders are hints: they change without an epoch, and a
/// hint of an older term never replaces one of a newer.
/// </para>
/// </summary>
public sealed class ShardMap : IEquatable<ShardMap>
{
    /// <summary>
    /// The most shards of a cluster. Each is a Raft group; a node that held replicas of all would send some thousand heartbeats a round,
    /// and the map itself would be a quarter of a gRPC message.
    /// </summary>
    public const int ShardCountMax = 4096;

    /// <summary>The most replicas of a shard: seven survive the loss of three; each more slows every write and hardly adds safety.</summary>
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

    /// <summary>Version of nodes, replicas and keyspaces. Only grows.</summary>
    public Epoch Epoch { get; }

    public int ShardCount => Shards.Length;

    /// <summary>How many replicas each shard should have; during a move a shard may have one more.</summary>
    public int ReplicationFactor { get; }

    /// <summary>Seed of <see cref="KeyHash"/>; part of the store's identity.</summary>
    public ulong HashSeed { get; }

    /// <summary>By shard number.</summary>
    public ImmutableArray<ShardDescriptor> Shards { get; }

    public ShardDescriptor this[ShardId shard] => Shards[shard.Value];

    /// <summary>A map with the given replicas, by shard number, and no leader known.</summary>
    /// <exception cref="ArgumentException">The shard count or the replication factor is out of bounds, or a shard has no replica or two on one node.</exception>
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

    /// <summary>The shard whose arc holds <paramref name="token"/>.</summary>
    public ShardId ShardOf(Token token) => new((int)((token.Value >> 1) >> _shift)); // Two shifts: with one shard it is 64 bits in all.

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

    /// <summary>The same map under a later epoch: something beside the replicas changed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The epoch would go back or stand still.</exception>
    public ShardMap WithEpoch(Epoch epoch)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(epoch.Value, Epoch.Value);
        return new ShardMap(epoch, ReplicationFactor, HashSeed, Shards);
    }

    /// <summary>The map of the next epoch, in which a shard has other replicas. A leader hint that points outside them is dropped.</summary>
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
