using System.Collections.Frozen;
using System.Collections.Immutable;
using KvRaft.Topology;

namespace KvRaft.Placement.State;

/// <summary>
/// The state that group 0 agrees on: the nodes, the shard map and the keyspaces, all at one epoch. It is the <i>desired</i> state. The actual state
/// is reported by the nodes and never stored here, so a new leader of the group needs no information from the old one.
/// <para>
/// One immutable value: a reader takes it once and keeps it for a whole request. Leaders of shards are not part of it: they are hints, and would cost
/// a round of consensus at every election.
/// </para>
/// </summary>
public sealed class PlacementState : IEquatable<PlacementState>
{
    /// <summary>The state before the cluster is initialized.</summary>
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

    /// <summary>True if the cluster is initialized. Otherwise there is no map, no node and no keyspace.</summary>
    public bool IsInitialized => Map is not null;

    public Guid ClusterId { get; }

    /// <summary>Ordered by name.</summary>
    public ImmutableArray<NodeDescriptor> Nodes { get; }

    /// <summary>Null until the cluster is initialized. Contains no leaders.</summary>
    public ShardMap? Map { get; }

    /// <summary>Grows with every change of this state; 0 before the cluster is initialized.</summary>
    public Epoch Epoch => Map?.Epoch ?? default;

    /// <summary>Ordered by id.</summary>
    public ImmutableArray<KeyspaceDescriptor> Keyspaces { get; }

    /// <summary>The id of the next keyspace; higher than every id used so far.</summary>
    public KeyspaceId NextKeyspaceId { get; }

    /// <summary>
    /// The secrets that authenticate contexts of eventual keys, oldest first: the last one signs, all of them verify. They are never sent to clients.
    /// There is at least one after the cluster is initialized.
    /// </summary>
    public ImmutableArray<ContextKey> ContextKeys { get; }

    /// <summary>The moves under way, ordered by shard; at most one per shard.</summary>
    public ImmutableArray<ShardMove> Moves { get; }

    /// <summary>Ordered by shard and node; none for a node that has a replica of the shard.</summary>
    public ImmutableArray<RetiredReplica> Retired { get; }

    /// <summary>Nodes that were decommissioned, ordered by name. A name is never reused.</summary>
    public ImmutableArray<NodeId> Removed { get; }

    /// <summary>The planned, the waiting and running, and the completed work.</summary>
    public OperationsState Operations { get; }

    public ShardMove? MoveOf(ShardId shard) => Moves.FirstOrDefault(move => move.Shard == shard);

    /// <summary>
    /// The highest incarnation of any replica of the shard on the node so far; 0 if there was none. A replica with this incarnation or a lower one
    /// that is neither in the map nor in a move has ended permanently, even if this state is outdated.
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

    /// <summary>True if the replica is in the map or in a move.</summary>
    public bool Wants(ShardId shard, Replica replica) =>
        Map?[shard].ReplicaOn(replica.Node) == replica || MoveOf(shard)?.To == replica;

    /// <summary>True if the replica was desired once and never will be again. Once true, it is true in every later state.</summary>
    public bool IsOver(ShardId shard, Replica replica) =>
        IsInitialized && !Wants(shard, replica) && replica.Incarnation <= HighestIncarnation(shard, replica.Node);

    public KeyspaceDescriptor? FindKeyspace(string name) => _byName.GetValueOrDefault(name);

    public KeyspaceDescriptor? FindKeyspace(KeyspaceId id) => Keyspaces.FirstOrDefault(keyspace => keyspace.Id == id);

    /// <summary>
    /// Ids of dropped keyspaces, ascending: the ids that were assigned and are not registered. An id is never reused, so none leaves this list.
    /// </summary>
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
