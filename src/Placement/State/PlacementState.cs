using System.Collections.Frozen;
using System.Collections.Immutable;
using KvRaft.Topology;

namespace KvRaft.Placement.State;

/// <summary>
/// What group 0 agrees on: the nodes, the shard map and the keyspaces, all at one epoch. It is the <i>desired</i> state; what is
/// really running is reported by the nodes and never stored here, so a new leader of the group needs no memory of the old one.
/// <para>
/// One immutable value: readers take it once and keep it for a whole request. Leaders of shards are not part of it (they are
/// hints, and would cost a round of consensus at every election).
/// </para>
/// </summary>
public sealed class PlacementState : IEquatable<PlacementState>
{
    /// <summary>Before the cluster was founded.</summary>
    public static readonly PlacementState Empty = new(default, [], null, [], KeyspaceId.Default);

    private readonly FrozenDictionary<string, KeyspaceDescriptor> _byName;

    internal PlacementState(
        Guid clusterId,
        ImmutableArray<NodeDescriptor> nodes,
        ShardMap? map,
        ImmutableArray<KeyspaceDescriptor> keyspaces,
        KeyspaceId nextKeyspaceId)
    {
        ClusterId = clusterId;
        Nodes = nodes;
        Map = map;
        Keyspaces = keyspaces;
        NextKeyspaceId = nextKeyspaceId;
        _byName = keyspaces.ToFrozenDictionary(static keyspace => keyspace.Name, StringComparer.Ordinal);
    }

    /// <summary>Was the cluster founded? If not, there is no map, no node and no keyspace.</summary>
    public bool IsInitialized => Map is not null;

    public Guid ClusterId { get; }

    /// <summary>By name.</summary>
    public ImmutableArray<NodeDescriptor> Nodes { get; }

    /// <summary>Null until the cluster is founded. Knows no leaders.</summary>
    public ShardMap? Map { get; }

    /// <summary>Grows with every change of this state; 0 before the cluster is founded.</summary>
    public Epoch Epoch => Map?.Epoch ?? default;

    /// <summary>By id.</summary>
    public ImmutableArray<KeyspaceDescriptor> Keyspaces { get; }

    /// <summary>What the next keyspace is called; above every id that was ever given.</summary>
    public KeyspaceId NextKeyspaceId { get; }

    public KeyspaceDescriptor? FindKeyspace(string name) => _byName.GetValueOrDefault(name);

    public KeyspaceDescriptor? FindKeyspace(KeyspaceId id) => Keyspaces.FirstOrDefault(keyspace => keyspace.Id == id);

    public NodeDescriptor? FindNode(NodeId id) => Nodes.FirstOrDefault(node => node.Id == id);

    public bool Equals(PlacementState? other) =>
        other is not null && ClusterId == other.ClusterId && NextKeyspaceId == other.NextKeyspaceId && Equals(Map, other.Map)
        && Nodes.AsSpan().SequenceEqual(other.Nodes.AsSpan()) && Keyspaces.AsSpan().SequenceEqual(other.Keyspaces.AsSpan());

    public override bool Equals(object? obj) => Equals(obj as PlacementState);

    public override int GetHashCode() => Epoch.Value.GetHashCode();

    /// <summary>The same cluster one epoch later.</summary>
    internal PlacementState Next(
        ImmutableArray<NodeDescriptor>? nodes = null, ImmutableArray<KeyspaceDescriptor>? keyspaces = null, KeyspaceId? nextKeyspaceId = null) =>
        new(ClusterId, nodes ?? Nodes, Map!.WithEpoch(new Epoch(Epoch.Value + 1)), keyspaces ?? Keyspaces, nextKeyspaceId ?? NextKeyspaceId);
}
