using System.Collections.Immutable;
using KvRaft.Topology;

namespace KvRaft.Placement.State;

/// <summary>
/// A change of group 0, as it stands in the log. A command carries decisions, not questions: whatever was computed (which
/// node holds which shard) was computed by the proposer, so that a replica with a newer algorithm applies an old entry alike.
/// </summary>
public abstract record PlacementCommand;

/// <summary>Founds the cluster. Every initial node may propose it; the first wins, and an equal one changes nothing.</summary>
public sealed record InitCluster : PlacementCommand
{
    public required Guid ClusterId { get; init; }

    /// <summary>By name.</summary>
    public required ImmutableArray<NodeDescriptor> Nodes { get; init; }

    public required int ReplicationFactor { get; init; }

    /// <summary>Seed of <see cref="KeyHash"/>.</summary>
    public required ulong HashSeed { get; init; }

    /// <summary>The nodes of each shard, by shard number.</summary>
    public required ImmutableArray<ImmutableArray<NodeId>> Shards { get; init; }

    public int ShardCount => Shards.Length;

    /// <summary>The command for a new cluster; the shards are assigned here.</summary>
    /// <exception cref="ArgumentException">
    /// No nodes, a name twice, a weight out of bounds, fewer nodes than replicas, or a shard count that is no power of two.
    /// </exception>
    public static InitCluster For(Guid clusterId, IEnumerable<NodeDescriptor> nodes, int shardCount, int replicationFactor)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        var sorted = nodes.OrderBy(static node => node.Id).ToImmutableArray();
        return new InitCluster
        {
            ClusterId = clusterId,
            Nodes = sorted,
            ReplicationFactor = replicationFactor,
            HashSeed = KeyHash.Seed,
            Shards = ShardAssignment.Of(HashRing.Of(sorted), shardCount, replicationFactor).Shards,
        };
    }

    public bool Equals(InitCluster? other) =>
        other is not null && ClusterId == other.ClusterId && ReplicationFactor == other.ReplicationFactor && HashSeed == other.HashSeed
        && Nodes.AsSpan().SequenceEqual(other.Nodes.AsSpan())
        && Shards.Length == other.Shards.Length
        && Shards.Zip(other.Shards).All(static pair => pair.First.AsSpan().SequenceEqual(pair.Second.AsSpan()));

    public override int GetHashCode() => ClusterId.GetHashCode();
}

/// <summary>Registers a keyspace. Creating one that is already there with the same properties changes nothing.</summary>
public sealed record CreateKeyspace(string Name) : PlacementCommand
{
    public KeyspaceMode Mode { get; init; } = KeyspaceMode.Strong;

    public RoutingRule Routing { get; init; } = RoutingRule.WholeKey;

    /// <summary>Milliseconds; 0 = values without an expiry of their own live for ever.</summary>
    public long TtlDefaultMs { get; init; }

    /// <summary>Milliseconds; 0 = values may live for ever.</summary>
    public long TtlMaxMs { get; init; }

    /// <summary>Bytes; 0 = the node's limit.</summary>
    public int ValueBytesMax { get; init; }

    /// <summary>Set exactly for eventual keyspaces.</summary>
    public EventualPolicy? Eventual { get; init; }
}

/// <summary>Changes what may change of a keyspace; null leaves a property as it is.</summary>
public sealed record AlterKeyspace(string Name) : PlacementCommand
{
    public long? TtlDefaultMs { get; init; }

    public long? TtlMaxMs { get; init; }

    public int? ValueBytesMax { get; init; }
}

/// <summary>Takes a keyspace out of the registry. Its id is never given again; its data is removed by the shards.</summary>
public sealed record DropKeyspace(string Name) : PlacementCommand;

/// <summary>A node is reached elsewhere now. Its identity and its replicas stay.</summary>
public sealed record ChangeNodeAddress(NodeId Node, string RaftAddress, string PublicAddress) : PlacementCommand;

/// <summary>
/// A replica of a shard shall go from one node to another. The same again, while it is under way, changes nothing. The new replica's
/// incarnation is given by the rule, because only the state knows which were given before.
/// </summary>
public sealed record StartMove(ShardId Shard, NodeId From, NodeId To) : PlacementCommand;

/// <summary>The move of a shard shall be undone. It is over when its driver says <see cref="FinishMove"/>.</summary>
public sealed record CancelMove(ShardId Shard) : PlacementCommand;

/// <summary>The group's members are as the move, or its cancelling, wanted them: the shard map follows.</summary>
public sealed record FinishMove(ShardId Shard, Replica To, MoveEnd End) : PlacementCommand;
