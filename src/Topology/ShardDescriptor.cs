using System.Collections.Immutable;

namespace KvRaft.Topology;

/// <summary>One shard of the map.</summary>
public sealed class ShardDescriptor : IEquatable<ShardDescriptor>
{
    internal ShardDescriptor(ShardId id, TokenRange range, ImmutableArray<Replica> replicas, LeaderHint? leader)
    {
        Id = id;
        Range = range;
        Replicas = replicas;
        Leader = leader;
    }

    public ShardId Id { get; }

    public TokenRange Range { get; }

    /// <summary>The Raft group that serves it.</summary>
    public GroupId Group => GroupId.OfShard(Id);

    /// <summary>In the order of the shard's preference list. On distinct nodes.</summary>
    public ImmutableArray<Replica> Replicas { get; }

    /// <summary>Null: the leader is unknown.</summary>
    public LeaderHint? Leader { get; }

    /// <summary>The replica on <paramref name="node"/>, or null.</summary>
    public Replica? ReplicaOn(NodeId node)
    {
        foreach (var replica in Replicas)
        {
            if (replica.Node == node)
            {
                return replica;
            }
        }

        return null;
    }

    public bool Equals(ShardDescriptor? other) =>
        other is not null && Id == other.Id && Range == other.Range && Leader == other.Leader
        && Replicas.AsSpan().SequenceEqual(other.Replicas.AsSpan());

    public override bool Equals(object? obj) => Equals(obj as ShardDescriptor);

    public override int GetHashCode() => Id.Value;

    public override string ToString() => $"shard {Id} {Range} on {string.Join(", ", Replicas)}";
}
