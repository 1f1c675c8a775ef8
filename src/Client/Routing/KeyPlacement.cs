using System.Numerics;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Client.Routing;

/// <summary>
/// Converts keyspaces and maps of the wire to those of the topology, so that the client finds the shard of a key like the nodes do.
/// </summary>
internal static class KeyPlacement
{
    public static Token TokenOf(RouteMap map, KeyspaceInfo keyspace, ReadOnlySpan<byte> key) =>
        KeyHash.TokenOf(
            map.HashSeed,
            new KeyspaceId((uint)keyspace.Id),
            keyspace.Routing == V1.RoutingRule.Tag ? Topology.RoutingRule.Tag : Topology.RoutingRule.WholeKey,
            key);

    /// <summary>The ring is divided into equal token ranges: the shard is given by the topmost bits of the token.</summary>
    public static int ShardOf(RouteMap map, KeyspaceInfo keyspace, ReadOnlySpan<byte> key)
    {
        var bits = BitOperations.Log2((uint)map.ShardCount);
        return (int)(TokenOf(map, keyspace, key).Value >> 1 >> (63 - bits));
    }
}
