using System.Collections.Frozen;
using KvRaft.V1;

namespace KvRaft.Client.Routing;

/// <summary>
/// One version of the routing information: immutable, so that a request uses one version throughout. The epoch orders maps; leaders are hints that
/// change within an epoch, ordered by term.
/// </summary>
internal sealed class RouteTable
{
    /// <summary>Contains no nodes: every request goes to one of the endpoints and is forwarded.</summary>
    public static readonly RouteTable Empty = new(new RouteMap());

    private readonly FrozenDictionary<string, string> _endpointOfNode;
    private readonly FrozenDictionary<string, KeyspaceInfo> _keyspaces;
    private readonly ShardEntry[] _shards;

    public RouteTable(RouteMap map)
    {
        Map = map;
        _endpointOfNode = map.Nodes.Where(static node => node.State is not NodeState.Removed)
            .ToFrozenDictionary(static node => node.NodeId, static node => node.Endpoint);
        _keyspaces = map.Keyspaces.ToFrozenDictionary(static keyspace => keyspace.Name);
        _shards = new ShardEntry[map.ShardCount];
        Array.Fill(_shards, ShardEntry.None);
        foreach (var shard in map.Shards)
        {
            if ((uint)shard.Shard < (uint)_shards.Length)
            {
                _shards[shard.Shard] = new ShardEntry(
                    [.. shard.Replicas.Select(static replica => replica.NodeId)], NullIfEmpty(shard.LeaderNode), shard.LeaderTerm);
            }
        }

        Endpoints = [.. _endpointOfNode.Values];
    }

    private RouteTable(RouteTable source, ShardEntry[] shards)
    {
        Map = source.Map;
        _endpointOfNode = source._endpointOfNode;
        _keyspaces = source._keyspaces;
        Endpoints = source.Endpoints;
        _shards = shards;
    }

    /// <summary>The map as the node sent it; its leaders may be older than those of this table.</summary>
    public RouteMap Map { get; }

    public long Epoch => Map.Epoch;

    public int ShardCount => _shards.Length;

    /// <summary>The endpoints of all nodes that were not removed.</summary>
    public IReadOnlyList<string> Endpoints { get; }

    public ShardEntry Shard(int shard) => (uint)shard < (uint)_shards.Length ? _shards[shard] : ShardEntry.None;

    public string? EndpointOf(string? node) => node is null ? null : _endpointOfNode.GetValueOrDefault(node);

    /// <returns>Null if the table does not contain the keyspace, or contains no shards.</returns>
    public int? ShardOf(string keyspace, ReadOnlySpan<byte> key) =>
        ShardCount > 0 && _keyspaces.TryGetValue(keyspace, out var info) ? KeyPlacement.ShardOf(Map, info, key) : null;

    /// <summary>A table with a newer leader of one shard; the same table if its information is at least as new.</summary>
    /// <param name="shard">The shard.</param>
    /// <param name="node">Null: the shard lost its leader.</param>
    /// <param name="term">The term of the leader.</param>
    public RouteTable WithLeader(int shard, string? node, long term)
    {
        if ((uint)shard >= (uint)_shards.Length)
        {
            return this;
        }

        var known = _shards[shard];
        if (term < known.LeaderTerm || (term == known.LeaderTerm && (node is null || node == known.Leader)))
        {
            return this;
        }

        var shards = (ShardEntry[])_shards.Clone();
        shards[shard] = known with { Leader = node, LeaderTerm = term };
        return new RouteTable(this, shards);
    }

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;
}

/// <param name="Replicas">Node ids.</param>
/// <param name="Leader">The node id of the last known leader; null: unknown.</param>
/// <param name="LeaderTerm">The term of the leader.</param>
internal sealed record ShardEntry(IReadOnlyList<string> Replicas, string? Leader, long LeaderTerm)
{
    public static readonly ShardEntry None = new([], null, 0);
}
