using System.Collections.Frozen;
using System.Collections.Immutable;
using KvRaft.Topology;

namespace KvRaft.Node.Cluster;

/// <summary>
/// Everything that routes a request, at one epoch: nodes, keyspaces, shard map. Immutable; a request takes one and keeps
/// it to its end.
/// </summary>
internal sealed class RoutingView
{
    /// <summary>Before the cluster has decided on its first map.</summary>
    public static readonly RoutingView Empty = new(null, [], []);

    private readonly FrozenDictionary<string, KeyspaceDescriptor> _keyspaces;
    private readonly FrozenDictionary<NodeId, NodeDescriptor> _nodes;

    /// <param name="plan">See <see cref="Plan"/>.</param>
    /// <param name="nextKeyspace">See <see cref="NextKeyspace"/>.</param>
    /// <param name="contextKeys">See <see cref="ContextKeys"/>.</param>
    public RoutingView(
        ShardMap? map, IEnumerable<NodeDescriptor> nodes, IEnumerable<KeyspaceDescriptor> keyspaces, long plan = 0, KeyspaceId nextKeyspace = default,
        ImmutableArray<ContextKey> contextKeys = default)
    {
        ContextKeys = contextKeys.IsDefault ? [] : contextKeys;
        (Map, Plan, NextKeyspace) = (map, plan, nextKeyspace);
        _nodes = nodes.ToFrozenDictionary(node => node.Id);
        _keyspaces = keyspaces.ToFrozenDictionary(keyspace => keyspace.Name, StringComparer.Ordinal);
    }

    /// <summary>Null before the first map.</summary>
    public ShardMap? Map { get; }

    /// <summary>
    /// Grows by one with every plan that is committed; only plans change the shares of nodes, their sizes, and the zones. So two views with the same number have
    /// the same ring.
    /// </summary>
    public long Plan { get; }

    /// <summary>Above the id of every keyspace that was ever created.</summary>
    public KeyspaceId NextKeyspace { get; }

    /// <summary>The secrets that authenticate contexts of eventual keys, oldest first. None before the first map.</summary>
    public ImmutableArray<ContextKey> ContextKeys { get; }

    public Epoch Epoch => Map?.Epoch ?? default;

    /// <summary>By name of node.</summary>
    public IEnumerable<NodeDescriptor> Nodes => _nodes.Values.OrderBy(node => node.Id);

    /// <summary>The nodes to which the ring gives shards: not those that only joined, nor those that leave. By name of node.</summary>
    public IEnumerable<NodeDescriptor> Owners => Nodes.Where(static node => node.IsOwner);

    /// <summary>By name.</summary>
    public IEnumerable<KeyspaceDescriptor> Keyspaces => _keyspaces.Values.OrderBy(keyspace => keyspace.Name, StringComparer.Ordinal);

    /// <summary>The keyspace that a request names; no name means the default. Null if there is no such keyspace.</summary>
    public KeyspaceDescriptor? Keyspace(string name) =>
        _keyspaces.GetValueOrDefault(name.Length == 0 ? KeyspaceName.Default : name);

    public NodeDescriptor? Node(NodeId node) => _nodes.GetValueOrDefault(node);

    /// <summary>The address at which clients and other nodes reach a node's services, <c>host:port</c>; null if the node is not in the view.</summary>
    public string? AddressOf(NodeId node) => Node(node)?.PublicAddress;
}
