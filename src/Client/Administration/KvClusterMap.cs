using KvRaft.Client.Values;
using KvRaft.V1;

namespace KvRaft.Client;

/// <summary>Nodes, shards, leaders and keyspaces as one node sees them.</summary>
/// <param name="ClusterId">Drawn when the cluster was founded.</param>
/// <param name="Epoch">Grows with each change of nodes, replicas or keyspaces. A change of leaders leaves it.</param>
/// <param name="PlacementLeader">The node that leads group 0; null: unknown.</param>
/// <param name="Nodes">By name.</param>
/// <param name="Shards">By number.</param>
/// <param name="Keyspaces">By name.</param>
public sealed record KvClusterMap(
    string ClusterId,
    long Epoch,
    string? PlacementLeader,
    IReadOnlyList<KvNodeRoute> Nodes,
    IReadOnlyList<KvShardRoute> Shards,
    IReadOnlyList<KvKeyspaceInfo> Keyspaces)
{
    internal static KvClusterMap From(RouteMap map) => new(
        map.ClusterId,
        map.Epoch,
        WireValues.TextOrNull(map.PlacementLeader),
        [.. map.Nodes.Select(static node => new KvNodeRoute(node.NodeId, node.Endpoint, node.Zone, node.Weight, (KvNodeState)node.State, node.Version))],
        [.. map.Shards.Select(KvShardRoute.From)],
        [.. map.Keyspaces.Select(KvKeyspaceInfo.From)]);
}

/// <summary>The state of a node in the map.</summary>
public enum KvNodeState
{
    Unknown = 0,
    Up = 1,
    Suspect = 2,
    Down = 3,

    /// <summary>Keeps its replicas, leads nothing and serves no reads.</summary>
    Draining = 4,
    Removed = 5,

    /// <summary>Belongs to the cluster and holds no shard yet.</summary>
    Joined = 6,

    /// <summary>Its replicas move to other nodes; then it is removed.</summary>
    Leaving = 7,
}

/// <summary>Where clients reach a node.</summary>
/// <param name="Endpoint">host:port.</param>
/// <param name="Weight">Its share of the ring relative to the other nodes.</param>
public sealed record KvNodeRoute(string Name, string Endpoint, string Zone, double Weight, KvNodeState State, string Version);

/// <summary>The replicas of a shard.</summary>
/// <param name="Leader">The last known leader; null: unknown.</param>
/// <param name="Nodes">The nodes with a replica, in order of preference.</param>
public sealed record KvShardRoute(int Shard, string? Leader, long LeaderTerm, IReadOnlyList<string> Nodes)
{
    internal static KvShardRoute From(ShardRoute shard) => new(
        shard.Shard, WireValues.TextOrNull(shard.LeaderNode), shard.LeaderTerm, [.. shard.Replicas.Select(static replica => replica.NodeId)]);
}

/// <summary>Where a key is stored.</summary>
/// <param name="Token">The hash of the bytes that decide its shard.</param>
public sealed record KvKeyLocation(ReadOnlyMemory<byte> Key, ulong Token, KvShardRoute Shard);
