using System.Collections.Immutable;
using System.Numerics;
using KvRaft.Placement.Rules;
using KvRaft.Placement.State;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Placement.Codecs;

/// <summary>
/// The encoding of a state with its position: the content of the snapshot file and of a checkpoint, and the input of the digest.
/// <code>
///  magic:u32 "KVPS"  version:1  term:i64  index:i64  length:u32  state:length  crc32c:u32 (of all before)
///
///  state      founded:1 (0: nothing follows)
///             clusterId:16  contextKeys:1 (id:1 secret:32)*  nodes:varint node*
///             epoch:varint  factor:1  hashSeed:u64  shards:varint (replicas:varint (node index:varint incarnation:varint)*)*
///             nextKeyspace:varint  keyspaces:varint keyspace*
///             moves:varint move*  retired:varint (shard:varint node index:varint incarnation:varint)*
///             (standing:1 instance:16)* (of each node)  removed:varint (name:text)*  operations
///  move       shard:varint from:node index:varint,incarnation:varint to:node index:varint,incarnation:varint cancelling:1
///  keyspace   id:varint name:text mode:1 routing:1 ttlMs:varint valueBytes:varint more (as in PlacementCommandCodec)
/// </code>
/// Operations are in <see cref="OperationsCodec"/>. Only this version is read: earlier versions have no context keys, and without them contexts could
/// be forged. Nodes are ordered by name, keyspaces by id, moves and retired replicas by shard, so equal states have equal bytes. Leader hints are not
/// written.
/// </summary>
internal static class PlacementStateCodec
{
    private const uint Magic = 0x5350_564B; // "KVPS", read as little-endian.
    private const byte Version = 5;
    private const int HeaderSize = sizeof(uint) + 1 + sizeof(long) + sizeof(long) + sizeof(uint);

    public static byte[] EncodeFile(PlacementState state, LogPosition position)
    {
        var body = EncodeState(state);
        var writer = new PlacementWriter();
        writer.UInt32(Magic);
        writer.Byte(Version);
        writer.Int64(position.Term);
        writer.Int64(position.Index);
        writer.UInt32((uint)body.Length);
        writer.Raw(body);
        writer.UInt32(Crc32C(writer.Written));
        return writer.Written.ToArray();
    }

    /// <exception cref="PlacementFormatException">The bytes are not a complete, undamaged file of a supported version.</exception>
    public static (PlacementState State, LogPosition Position) DecodeFile(ReadOnlySpan<byte> bytes)
    {
        var reader = new PlacementReader(bytes);
        if (bytes.Length < HeaderSize + sizeof(uint) || reader.UInt32() != Magic)
        {
            throw new PlacementFormatException("This is not a placement file.");
        }

        var version = reader.Byte();
        if (version != Version)
        {
            throw new PlacementFormatException($"The placement file has version {version}, and this node reads version {Version} only.");
        }

        var tail = new PlacementReader(bytes[^sizeof(uint)..]);
        if (tail.UInt32() != Crc32C(bytes[..^sizeof(uint)]))
        {
            throw new PlacementFormatException("The checksum of the placement file is wrong.");
        }

        var position = new LogPosition(reader.Int64(), reader.Int64());
        var length = reader.UInt32();
        if (length != bytes.Length - HeaderSize - sizeof(uint))
        {
            throw new PlacementFormatException($"The placement file should hold {length} bytes of state.");
        }

        return (DecodeState(reader.Take((int)length)), position);
    }

    public static byte[] EncodeState(PlacementState state)
    {
        var writer = new PlacementWriter();
        if (state.Map is not { } map)
        {
            writer.Byte(0);
            return writer.Written.ToArray();
        }

        writer.Byte(1);
        writer.Guid(state.ClusterId);
        WriteContextKeys(writer, state.ContextKeys);
        var index = WriteNodes(writer, state.Nodes);
        WriteMap(writer, map, index);
        writer.VarUInt(state.NextKeyspaceId.Value);
        writer.VarUInt((ulong)state.Keyspaces.Length);
        foreach (var keyspace in state.Keyspaces)
        {
            Write(writer, keyspace);
        }

        WriteMoves(writer, state, index);
        WriteStandings(writer, state);
        OperationsCodec.Write(writer, state.Operations);
        return writer.Written.ToArray();
    }

    /// <exception cref="PlacementFormatException">The bytes are not a valid state.</exception>
    public static PlacementState DecodeState(ReadOnlySpan<byte> bytes)
    {
        var reader = new PlacementReader(bytes);
        var state = reader.Byte() switch
        {
            0 => PlacementState.Empty,
            1 => ReadFounded(ref reader),
            var other => throw new PlacementFormatException($"A state begins with 0 or 1, not with {other}."),
        };
        reader.End();
        return state;
    }

    private static Dictionary<NodeId, int> WriteNodes(PlacementWriter writer, ImmutableArray<NodeDescriptor> nodes)
    {
        var index = new Dictionary<NodeId, int>();
        writer.VarUInt((ulong)nodes.Length);
        foreach (var node in nodes)
        {
            index.Add(node.Id, index.Count);
            writer.Node(node);
        }

        return index;
    }

    private static void WriteMap(PlacementWriter writer, ShardMap map, Dictionary<NodeId, int> index)
    {
        writer.VarUInt((ulong)map.Epoch.Value);
        writer.Byte((byte)map.ReplicationFactor);
        writer.UInt64(map.HashSeed);
        writer.VarUInt((ulong)map.ShardCount);
        foreach (var shard in map.Shards)
        {
            writer.VarUInt((ulong)shard.Replicas.Length);
            foreach (var replica in shard.Replicas)
            {
                writer.VarUInt((ulong)index[replica.Node]);
                writer.VarUInt((ulong)replica.Incarnation);
            }
        }
    }

    private static void WriteMoves(PlacementWriter writer, PlacementState state, Dictionary<NodeId, int> index)
    {
        writer.VarUInt((ulong)state.Moves.Length);
        foreach (var move in state.Moves)
        {
            writer.VarUInt((ulong)move.Shard.Value);
            Write(writer, move.From, index);
            Write(writer, move.To, index);
            writer.Byte(move.IsCancelling ? (byte)1 : (byte)0);
        }

        writer.VarUInt((ulong)state.Retired.Length);
        foreach (var retired in state.Retired)
        {
            writer.VarUInt((ulong)retired.Shard.Value);
            Write(writer, retired.Replica, index);
        }
    }

    private static void Write(PlacementWriter writer, Replica replica, Dictionary<NodeId, int> index)
    {
        writer.VarUInt((ulong)index[replica.Node]);
        writer.VarUInt((ulong)replica.Incarnation);
    }

    private static void Write(PlacementWriter writer, KeyspaceDescriptor keyspace)
    {
        writer.VarUInt(keyspace.Id.Value);
        writer.Text(keyspace.Name);
        writer.Byte((byte)keyspace.Mode);
        writer.Byte((byte)keyspace.Routing);
        writer.VarUInt((ulong)keyspace.TtlDefaultMs);
        writer.VarUInt((ulong)keyspace.ValueBytesMax);
        writer.More(keyspace.Eventual, keyspace.TtlMaxMs);
    }

    private static PlacementState ReadFounded(ref PlacementReader reader)
    {
        var clusterId = reader.Guid();
        var contextKeys = ReadContextKeys(ref reader);
        var nodes = reader.Nodes();
        for (var i = 0; i < nodes.Length; i++)
        {
            Require(i == 0 || nodes[i - 1].Id.CompareTo(nodes[i].Id) < 0, "nodes are not in order");
            Require(RingNode.IsValidWeight(nodes[i].Weight), "a weight is out of bounds");
        }

        var map = ReadMap(ref reader, nodes);
        var next = reader.VarInt(int.MaxValue, "next keyspace id");
        var keyspaces = ImmutableArray.CreateBuilder<KeyspaceDescriptor>(reader.Count(PlacementLimits.KeyspacesMax, "keyspaces"));
        for (var i = 0; i < keyspaces.Capacity; i++)
        {
            keyspaces.Add(ReadKeyspace(ref reader));
            Require(i == 0 || keyspaces[i - 1].Id.Value < keyspaces[i].Id.Value, "keyspaces are not in order");
            Require(keyspaces[i].Id.Value < next, "a keyspace has an id that was not assigned yet");
        }

        Require(keyspaces.DistinctBy(static keyspace => keyspace.Name).Count() == keyspaces.Count, "a keyspace name is repeated");
        var moves = ReadMoves(ref reader, nodes, map);
        var retired = ReadRetired(ref reader, nodes, map);
        var (named, removed) = ReadStandings(ref reader, nodes);
        var operations = OperationsCodec.Read(ref reader);
        return new PlacementState(
            clusterId, named, map, keyspaces.MoveToImmutable(), new KeyspaceId((uint)next), contextKeys, moves, retired, removed, operations);
    }

    private static void WriteContextKeys(PlacementWriter writer, ImmutableArray<ContextKey> keys)
    {
        writer.Byte(checked((byte)keys.Length));
        foreach (var key in keys)
        {
            writer.Byte(key.Id);
            writer.Raw(key.Secret.AsSpan());
        }
    }

    private static ImmutableArray<ContextKey> ReadContextKeys(ref PlacementReader reader)
    {
        var keys = ImmutableArray.CreateBuilder<ContextKey>(reader.Byte());
        for (var i = 0; i < keys.Capacity; i++)
        {
            keys.Add(new ContextKey(reader.Byte(), [.. reader.Take(ContextKey.SecretBytes)]));
        }

        Require(keys.Count > 0 && keys.DistinctBy(static key => key.Id).Count() == keys.Count, "context keys are missing, or two have one id");
        return keys.MoveToImmutable();
    }

    private static void WriteStandings(PlacementWriter writer, PlacementState state)
    {
        foreach (var node in state.Nodes)
        {
            writer.Byte((byte)node.Standing);
            writer.Guid(node.Instance);
        }

        writer.VarUInt((ulong)state.Removed.Length);
        foreach (var node in state.Removed)
        {
            writer.Text(node.Value);
        }
    }

    private static (ImmutableArray<NodeDescriptor> Nodes, ImmutableArray<NodeId> Removed) ReadStandings(
        ref PlacementReader reader, ImmutableArray<NodeDescriptor> nodes)
    {
        var named = ImmutableArray.CreateBuilder<NodeDescriptor>(nodes.Length);
        foreach (var node in nodes)
        {
            var standing = (NodeStanding)reader.Byte();
            Require(Enum.IsDefined(standing), "a node has an unknown standing");
            named.Add(node with { Standing = standing, Instance = reader.Guid() });
        }

        var removed = ImmutableArray.CreateBuilder<NodeId>(reader.Count(int.MaxValue, "removed nodes"));
        for (var i = 0; i < removed.Capacity; i++)
        {
            removed.Add(reader.NodeId());
            Require(i == 0 || removed[i - 1].CompareTo(removed[i]) < 0, "removed nodes are not in order");
            Require(nodes.All(node => node.Id != removed[i]), "a removed node is among the nodes");
        }

        return (named.MoveToImmutable(), removed.MoveToImmutable());
    }

    private static ShardMap ReadMap(ref PlacementReader reader, ImmutableArray<NodeDescriptor> nodes)
    {
        var epoch = reader.VarUInt();
        Require(epoch is >= 1 and <= long.MaxValue, "the epoch is out of bounds");
        var (factor, hashSeed) = (reader.Byte(), reader.UInt64());
        var shards = new ImmutableArray<Replica>[reader.Count(ShardMap.ShardCountMax, "shards")];
        for (var shard = 0; shard < shards.Length; shard++)
        {
            var replicas = ImmutableArray.CreateBuilder<Replica>(reader.Count(nodes.Length, "replicas"));
            for (var i = 0; i < replicas.Capacity; i++)
            {
                replicas.Add(ReadReplica(ref reader, nodes));
            }

            shards[shard] = replicas.MoveToImmutable();
        }

        try
        {
            return ShardMap.Create(new Epoch((long)epoch), factor, hashSeed, shards);
        }
        catch (ArgumentException refused)
        {
            // The map checks its own rules. A violation here means that the bytes are wrong, not the caller.
            throw new PlacementFormatException(refused.Message);
        }
    }

    private static ImmutableArray<ShardMove> ReadMoves(ref PlacementReader reader, ImmutableArray<NodeDescriptor> nodes, ShardMap map)
    {
        var moves = ImmutableArray.CreateBuilder<ShardMove>(reader.Count(map.ShardCount, "moves"));
        for (var i = 0; i < moves.Capacity; i++)
        {
            var shard = new ShardId(reader.VarInt(map.ShardCount - 1, "shard"));
            var (from, to, cancelling) = (ReadReplica(ref reader, nodes), ReadReplica(ref reader, nodes), reader.Byte());
            Require(i == 0 || moves[i - 1].Shard.Value < shard.Value, "moves are not in order");
            Require(map[shard].ReplicaOn(from.Node) == from && map[shard].ReplicaOn(to.Node) is null, "a move does not fit the map");
            Require(to.Incarnation >= Replica.IncarnationFirst && cancelling <= 1, "a move is inconsistent");
            moves.Add(new ShardMove(shard, from, to, cancelling == 1));
        }

        return moves.MoveToImmutable();
    }

    private static ImmutableArray<RetiredReplica> ReadRetired(
        ref PlacementReader reader, ImmutableArray<NodeDescriptor> nodes, ShardMap map)
    {
        var retired = ImmutableArray.CreateBuilder<RetiredReplica>(reader.Count(int.MaxValue, "retired replicas"));
        for (var i = 0; i < retired.Capacity; i++)
        {
            var shard = new ShardId(reader.VarInt(map.ShardCount - 1, "shard"));
            var replica = ReadReplica(ref reader, nodes);
            Require(
                i == 0 || retired[i - 1].Shard.Value < shard.Value
                || (retired[i - 1].Shard == shard && retired[i - 1].Replica.Node.CompareTo(replica.Node) < 0),
                "retired replicas are not in order");
            Require(replica.Incarnation >= Replica.IncarnationFirst && map[shard].ReplicaOn(replica.Node) is null, "a retired replica is in the map");
            retired.Add(new RetiredReplica(shard, replica));
        }

        return retired.MoveToImmutable();
    }

    private static Replica ReadReplica(ref PlacementReader reader, ImmutableArray<NodeDescriptor> nodes) =>
        new(nodes[reader.VarInt(nodes.Length - 1, "node index")].Id, reader.VarInt(int.MaxValue, "incarnation"));

    private static KeyspaceDescriptor ReadKeyspace(ref PlacementReader reader)
    {
        var keyspace = new KeyspaceDescriptor
        {
            Id = new KeyspaceId((uint)reader.VarInt(int.MaxValue, "keyspace id")),
            Name = reader.Text(KeyspaceName.LengthMax, "keyspace name"),
            Mode = (KeyspaceMode)reader.Byte(),
            Routing = (RoutingRule)reader.Byte(),
            TtlDefaultMs = (long)reader.VarUInt(),
            ValueBytesMax = reader.VarInt(int.MaxValue, "value limit"),
            Eventual = reader.More(out var ttlMaxMs),
            TtlMaxMs = ttlMaxMs,
        };
        Require(keyspace.Id.Value > 0 && KeyspaceName.IsValid(keyspace.Name), "a keyspace has no id or no name");
        Require(keyspace.Mode is KeyspaceMode.Strong or KeyspaceMode.Eventual, "a keyspace has an unknown mode");
        Require((keyspace.Mode == KeyspaceMode.Eventual) == (keyspace.Eventual is not null), "a keyspace's policy does not fit its mode");
        Require(keyspace.Eventual?.Mistake() is null, "a keyspace has an invalid policy");
        Require(keyspace.Routing is RoutingRule.WholeKey or RoutingRule.Tag, "a keyspace has an unknown routing rule");
        Require(PlacementChecks.MistakeIn(keyspace) is null, "a keyspace has a ttl out of bounds");
        return keyspace;
    }

    private static void Require(bool condition, string otherwise)
    {
        if (!condition)
        {
            throw new PlacementFormatException($"The placement state is invalid: {otherwise}.");
        }
    }

    private static uint Crc32C(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc = BitOperations.Crc32C(crc, value);
        }

        return ~crc;
    }
}
