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
    public static readonly PlacementState Empty = new(default, [], null, [], KeyspaceId.Default, []);

    private readonly FrozenDictionary<string, KeyspaceDescriptor> _byName;

    internal PlacementState(
        Guid clusterId,
        ImmutableArray<NodeDescriptor> nodes,
        ShardMap? map,
        ImmutableArray<KeyspaceDescriptor> keyspaces,
        KeyspaceId nextKeyspaceId,
        ImmutableArray<ContextKey> contextKeys,
        ImmutableArray<ShardMove> moves = default,
        ImmutableArray<RetiredReplica> retired = default,
        ImmutableArray<NodeId> removed = default,
        OperationsState? operations = null)
    {
        ClusterId = clusterId;
        Nodes = nodes;
        Map = map;
        Keyspaces = keyspaces;
        NextKeyspaceId = nextKeyspaceId;
        ContextKeys = contextKeys;
        Moves = moves.IsDefault ? [] : moves;
        Retired = retired.IsDefault ? [] : retired;
        Removed = removed.IsDefault ? [] : removed;
        Operations = operations ?? OperationsState.Empty;
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

    /// <summary>
    /// The secrets that authenticate contexts of eventual keys, oldest first: the last one signs, all of them verify. Never shown to clients. At least one
    /// since the cluster was founded.
    /// </summary>
    public ImmutableArray<ContextKey> ContextKeys { get; }

    /// <summary>The moves under way, by shard; one at most of each.</summary>
    public ImmutableArray<ShardMove> Moves { get; }

    /// <summary>By shard and node; never one for a node that has a replica of the shard.</summary>
    public ImmutableArray<RetiredReplica> Retired { get; }

    /// <summary>Nodes that were decommissioned, by name. A name is never given twice.</summary>
    public ImmutableArray<NodeId> Removed { get; }

    /// <summary>What is planned, what waits and runs, and what was done.</summary>
    public OperationsState Operations { get; }

    public ShardMove? MoveOf(ShardId shard) => Moves.FirstOrDefault(move => move.Shard == shard);

    /// <summary>
    /// The highest incarnation that was ever given to a replica of the shard on the node; 0 if it never had one. What has an incarnation
    /// up to this and is neither in the map nor in a move is over for good, however old this state may be.
    /// </summary>
    public int HighestIncarnation(ShardId shard, NodeId node)
    {
        if (MoveOf(shard) is { } move && move.To.Node == node)
        {
            return move.To.Incarnation;
        }

        if (Map?[shard].ReplicaOn(node) is { } replica)
        {
            return replica.Incarnation;
        }

        foreach (var retired in Retired)
        {
            if (retired.Shard == shard && retired.Replica.Node == node)
            {
                return retired.Replica.Incarnation;
            }
        }

        return 0;
    }

    /// <summary>Should the replica exist, by the map or by a move?</summary>
    public bool Wants(ShardId shard, Replica replica) =>
        Map?[shard].ReplicaOn(replica.Node) == replica || MoveOf(shard)?.To == replica;

    /// <summary>Was the replica wanted once, and will never be again? Once true it stays true in every later state.</summary>
    public bool IsOver(ShardId shard, Replica replica) =>
        IsInitialized && !Wants(shard, replica) && replica.Incarnation <= HighestIncarnation(shard, replica.Node);

    public KeyspaceDescriptor? FindKeyspace(string name) => _byName.GetValueOrDefault(name);

    public KeyspaceDescriptor? FindKeyspace(KeyspaceId id) => Keyspaces.FirstOrDefault(keyspace => keyspace.Id == id);

    /// <summary>Ids of keyspaces that were dropped, ascending: those that were given and are not registered. No id is given again, so none leaves this list.</summary>
    public IEnumerable<KeyspaceId> DroppedKeyspaces()
    {
        var registered = Keyspaces.Select(static keyspace => keyspace.Id).ToHashSet();
        for (var id = KeyspaceId.Default; id.Value < NextKeyspaceId.Value; id = new KeyspaceId(id.Value + 1))
        {
            if (!registered.Contains(id))
            {
                yield return id;
            }
        }
    }

    public NodeDescriptor? FindNode(NodeId id) => Nodes.FirstOrDefault(node => node.Id == id);

    public bool Equals(PlacementState? other) =>
        other is not null && ClusterId == other.ClusterId && NextKeyspaceId == other.NextKeyspaceId && Equals(Map, other.Map)
        && ContextKeys.AsSpan().SequenceEqual(other.ContextKeys.AsSpan())
        && Nodes.AsSpan().SequenceEqual(other.Nodes.AsSpan()) && Keyspaces.AsSpan().SequenceEqual(other.Keyspaces.AsSpan())
        && Moves.AsSpan().SequenceEqual(other.Moves.AsSpan()) && Retired.AsSpan().SequenceEqual(other.Retired.AsSpan())
        && Removed.AsSpan().SequenceEqual(other.Removed.AsSpan()) && Operations == other.Operations;

    public override bool Equals(object? obj) => Equals(obj as PlacementState);

    public override int GetHashCode() => Epoch.Value.GetHashCode();

    /// <summary>The same cluster one epoch later.</summary>
    internal PlacementState Next(
        ImmutableArray<NodeDescriptor>? nodes = null,
        ImmutableArray<KeyspaceDescriptor>? keyspaces = null,
        KeyspaceId? nextKeyspaceId = null,
        ShardMap? map = null,
        ImmutableArray<ShardMove>? moves = null,
        ImmutableArray<RetiredReplica>? retired = null,
        ImmutableArray<NodeId>? removed = null,
        OperationsState? operations = null) => new(
            ClusterId,
            nodes ?? Nodes,
            map ?? Map!.WithEpoch(new Epoch(Epoch.Value + 1)),
            keyspaces ?? Keyspaces,
            nextKeyspaceId ?? NextKeyspaceId,
            ContextKeys,
            moves ?? Moves,
            retired ?? Retired,
            removed ?? Removed,
            operations ?? Operations);
}
