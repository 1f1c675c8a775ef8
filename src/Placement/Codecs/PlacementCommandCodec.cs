using System.Collections.Immutable;
using KvRaft.Placement.Rules;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Codecs;

/// <summary>
/// The encoding of a <see cref="PlacementCommand"/> in the log of group 0. It outlives processes and versions: a kind or a field is never reused for
/// something else, and a change of the layout raises the version byte.
/// <code>
///  version:1  kind:1  body
///
///  1 (retired: an initialization without a context secret)
///  2 CreateKeyspace     name:text mode:1 routing:1 ttlMs:varint valueBytes:varint more
///  3 AlterKeyspace      name:text set:1 (bit 0: ttlMs, 1: valueBytes, 2: ttlMaxMs, 3: policy change) ttlMs:varint? valueBytes:varint? ttlMaxMs:varint? change?
///  4 DropKeyspace       name:text
///  5 ChangeNodeAddress  node:text raft:text public:text
///  6 StartMove          shard:varint from:text to:text atMs:varint?
///  7 CancelMove         shard:varint
///  8 FinishMove         shard:varint to:text incarnation:varint end:1 (1 moved, 2 cancelled) atMs:varint?
///  9 JoinNode           node instance:16 takesAddressesOf:text (empty: none)
/// 10 RegisterNode       node:text instance:16 raft:text public:text
/// 11 StageChanges       changes
/// 12 ClearPlan
/// 13 CommitPlan         base:varint staged:1 atMs:varint cause:text changes moves:varint (shard:varint from:text to:text)*
/// 14 EndOperator        operator:varint atMs:varint note:text
/// 15 HoldOperator       operator:varint hold:1
/// 16 DrainNode          node:text drain:1
/// 17 RemoveNode         node:text
/// 18 ChangeSettings     (as in SettingsCodec)
/// 19 PauseScheduler     scheduler:1 pause:1 untilMs:varint
/// 20 InitCluster        clusterId:16 hashSeed:u64 contextSecret:32 nodes:varint node* shards:varint factor:1 (node index:varint)*
///
///  node                 id:text weight:f64 zone:text raft:text public:text
///  more                 set:1 (bit 0: policy, of an eventual keyspace; 1: ttlMaxMs) policy? ttlMaxMs:varint?
///  changes              changes:varint change*  (as in OperationsCodec)
///  policy               n:1 r:1 w:1 sloppy:1 conflict:1 durability:1
///  policy change        set:1 (bits 0 to 5: the fields of policy, in its order) then those that are set, 1 each
/// </code>
/// A time at the end of a command is omitted if it is 0; older logs do not contain it. The encoder expects a valid command. The decoder accepts every
/// command that follows the layout, and the rules refuse an invalid one.
/// </summary>
public static class PlacementCommandCodec
{
    private const byte Version = 1;
    private const byte RetiredFounding = 1;

    private enum Kind : byte
    {
        CreateKeyspace = 2,
        AlterKeyspace = 3,
        DropKeyspace = 4,
        ChangeNodeAddress = 5,
        StartMove = 6,
        CancelMove = 7,
        FinishMove = 8,
        JoinNode = 9,
        RegisterNode = 10,
        StageChanges = 11,
        ClearPlan = 12,
        CommitPlan = 13,
        EndOperator = 14,
        HoldOperator = 15,
        DrainNode = 16,
        RemoveNode = 17,
        ChangeSettings = 18,
        PauseScheduler = 19,
        InitCluster = 20,
    }

    /// <exception cref="ArgumentException">The command breaks a rule that does not depend on the state, so every replica would refuse it.</exception>
    public static byte[] Encode(PlacementCommand command)
    {
        ArgumentNullException.ThrowIfNull(command);
        var writer = new PlacementWriter();
        writer.Byte(Version);
        switch (command)
        {
            case InitCluster init:
                RefuseMistake(PlacementChecks.MistakeIn(init), nameof(command));
                writer.Byte((byte)Kind.InitCluster);
                Write(writer, init);
                break;
            case CreateKeyspace create:
                RefuseMistake(PlacementChecks.MistakeIn(create), nameof(command));
                writer.Byte((byte)Kind.CreateKeyspace);
                writer.Text(create.Name);
                writer.Byte((byte)create.Mode);
                writer.Byte((byte)create.Routing);
                writer.VarUInt((ulong)create.TtlDefaultMs);
                writer.VarUInt((ulong)create.ValueBytesMax);
                writer.More(create.Eventual, create.TtlMaxMs);
                break;
            case AlterKeyspace alter:
                RefuseMistake(PlacementChecks.MistakeIn(alter) ?? MistakeInName(alter.Name), nameof(command));
                writer.Byte((byte)Kind.AlterKeyspace);
                Write(writer, alter);
                break;
            case DropKeyspace drop:
                RefuseMistake(MistakeInName(drop.Name), nameof(command));
                writer.Byte((byte)Kind.DropKeyspace);
                writer.Text(drop.Name);
                break;
            case ChangeNodeAddress change:
                RefuseMistake(PlacementChecks.MistakeIn(change), nameof(command));
                writer.Byte((byte)Kind.ChangeNodeAddress);
                writer.Text(change.Node.Value);
                writer.Text(change.RaftAddress);
                writer.Text(change.PublicAddress);
                break;
            case StartMove start:
                RefuseMistake(PlacementChecks.MistakeInShard(start.Shard), nameof(command));
                writer.Byte((byte)Kind.StartMove);
                writer.VarUInt((ulong)start.Shard.Value);
                writer.Text(start.From.Value);
                writer.Text(start.To.Value);
                writer.LastMoment(start.AtMs);
                break;
            case CancelMove cancel:
                RefuseMistake(PlacementChecks.MistakeInShard(cancel.Shard), nameof(command));
                writer.Byte((byte)Kind.CancelMove);
                writer.VarUInt((ulong)cancel.Shard.Value);
                break;
            case FinishMove finish:
                RefuseMistake(PlacementChecks.MistakeIn(finish), nameof(command));
                writer.Byte((byte)Kind.FinishMove);
                writer.VarUInt((ulong)finish.Shard.Value);
                writer.Text(finish.To.Node.Value);
                writer.VarUInt((ulong)finish.To.Incarnation);
                writer.Byte((byte)finish.End);
                writer.LastMoment(finish.AtMs);
                break;
            case JoinNode join:
                RefuseMistake(PlacementChecks.MistakeIn(join), nameof(command));
                writer.Byte((byte)Kind.JoinNode);
                writer.Node(join.Node);
                writer.Guid(join.Node.Instance);
                writer.Text(join.TakesAddressesOf.Value);
                break;
            case RegisterNode register:
                RefuseMistake(PlacementChecks.MistakeIn(register), nameof(command));
                writer.Byte((byte)Kind.RegisterNode);
                writer.Text(register.Node.Value);
                writer.Guid(register.Instance);
                writer.Text(register.RaftAddress);
                writer.Text(register.PublicAddress);
                break;
            case StageChanges stage:
                RefuseMistake(PlacementChecks.MistakeIn(stage.Changes), nameof(command));
                writer.Byte((byte)Kind.StageChanges);
                OperationsCodec.Write(writer, stage.Changes);
                break;
            case ClearPlan:
                writer.Byte((byte)Kind.ClearPlan);
                break;
            case CommitPlan commit:
                RefuseMistake(PlacementChecks.MistakeIn(commit), nameof(command));
                writer.Byte((byte)Kind.CommitPlan);
                Write(writer, commit);
                break;
            case EndOperator end:
                RefuseMistake(PlacementChecks.MistakeIn(end), nameof(command));
                writer.Byte((byte)Kind.EndOperator);
                writer.VarUInt((ulong)end.Operator);
                writer.VarUInt((ulong)end.AtMs);
                writer.Text(end.Note);
                break;
            case HoldOperator hold:
                writer.Byte((byte)Kind.HoldOperator);
                writer.VarUInt((ulong)hold.Operator);
                writer.Byte(hold.Hold ? (byte)1 : (byte)0);
                break;
            case DrainNode drain:
                writer.Byte((byte)Kind.DrainNode);
                writer.Text(drain.Node.Value);
                writer.Byte(drain.Drain ? (byte)1 : (byte)0);
                break;
            case RemoveNode remove:
                writer.Byte((byte)Kind.RemoveNode);
                writer.Text(remove.Node.Value);
                break;
            case ChangeSettings change:
                RefuseMistake(PlacementChecks.MistakeIn(change), nameof(command));
                writer.Byte((byte)Kind.ChangeSettings);
                SettingsCodec.Write(writer, change);
                break;
            case PauseScheduler pause:
                RefuseMistake(PlacementChecks.MistakeIn(pause), nameof(command));
                writer.Byte((byte)Kind.PauseScheduler);
                writer.Byte((byte)pause.Scheduler);
                writer.Byte(pause.Pause ? (byte)1 : (byte)0);
                writer.VarUInt((ulong)pause.UntilMs);
                break;
            default:
                throw new ArgumentException($"{command.GetType().Name} has no encoding.", nameof(command));
        }

        return writer.Written.ToArray();
    }

    /// <exception cref="PlacementFormatException">The bytes are not a command of a supported version.</exception>
    public static PlacementCommand Decode(ReadOnlySpan<byte> bytes)
    {
        var reader = new PlacementReader(bytes);
        if (reader.Byte() is var version && version != Version)
        {
            throw new PlacementFormatException($"Command version {version} is not supported; this node reads version {Version}.");
        }

        var kind = (Kind)reader.Byte();
        PlacementCommand command = kind switch
        {
            (Kind)RetiredFounding => throw new PlacementFormatException("An initialization without a context secret is not supported by this version."),
            Kind.InitCluster => ReadInit(ref reader),
            Kind.CreateKeyspace => ReadCreate(ref reader),
            Kind.AlterKeyspace => ReadAlter(ref reader),
            Kind.DropKeyspace => new DropKeyspace(ReadName(ref reader)),
            Kind.ChangeNodeAddress => new ChangeNodeAddress(
                reader.NodeId(),
                reader.Text(4 * NodeDescriptor.AddressLengthMax, "raft address"),
                reader.Text(4 * NodeDescriptor.AddressLengthMax, "public address")),
            Kind.StartMove => new StartMove(ReadShard(ref reader), reader.NodeId(), reader.NodeId(), reader.LastMoment()),
            Kind.CancelMove => new CancelMove(ReadShard(ref reader)),
            Kind.FinishMove => new FinishMove(
                ReadShard(ref reader), new Replica(reader.NodeId(), reader.VarInt(int.MaxValue, "incarnation")), ReadEnd(ref reader), reader.LastMoment()),
            Kind.JoinNode => ReadJoin(ref reader),
            Kind.RegisterNode => new RegisterNode(
                reader.NodeId(),
                reader.Guid(),
                reader.Text(4 * NodeDescriptor.AddressLengthMax, "raft address"),
                reader.Text(4 * NodeDescriptor.AddressLengthMax, "public address")),
            Kind.StageChanges => new StageChanges(OperationsCodec.ReadChanges(ref reader)),
            Kind.ClearPlan => new ClearPlan(),
            Kind.CommitPlan => ReadCommit(ref reader),
            Kind.EndOperator => ReadEndOperator(ref reader),
            Kind.HoldOperator => new HoldOperator(reader.Number("operator"), reader.Flag()),
            Kind.DrainNode => new DrainNode(reader.NodeId(), reader.Flag()),
            Kind.RemoveNode => new RemoveNode(reader.NodeId()),
            Kind.ChangeSettings => SettingsCodec.ReadChange(ref reader),
            Kind.PauseScheduler => new PauseScheduler(SettingsCodec.ReadKind(ref reader), reader.Flag(), reader.Number("moment")),
            _ => throw new PlacementFormatException($"Command kind {(byte)kind} is not supported by this version."),
        };
        reader.End();
        return command;
    }

    private static void Write(PlacementWriter writer, InitCluster init)
    {
        writer.Guid(init.ClusterId);
        writer.UInt64(init.HashSeed);
        writer.Raw(init.ContextSecret.AsSpan());
        writer.VarUInt((ulong)init.Nodes.Length);
        var index = new Dictionary<NodeId, int>();
        foreach (var node in init.Nodes)
        {
            index.Add(node.Id, index.Count);
            writer.Node(node);
        }

        writer.VarUInt((ulong)init.ShardCount);
        writer.Byte((byte)init.ReplicationFactor);
        foreach (var node in init.Shards.SelectMany(static nodes => nodes))
        {
            writer.VarUInt((ulong)index[node]);
        }
    }

    private static InitCluster ReadInit(ref PlacementReader reader)
    {
        var (clusterId, hashSeed) = (reader.Guid(), reader.UInt64());
        ImmutableArray<byte> secret = [.. reader.Take(ContextKey.SecretBytes)];
        var nodes = reader.Nodes();
        var shards = ImmutableArray.CreateBuilder<ImmutableArray<NodeId>>(reader.Count(ShardMap.ShardCountMax, "shards"));
        var factor = reader.Byte();
        for (var shard = 0; shard < shards.Capacity; shard++)
        {
            var replicas = ImmutableArray.CreateBuilder<NodeId>(factor);
            for (var i = 0; i < factor; i++)
            {
                replicas.Add(nodes[reader.VarInt(nodes.Length - 1, "node index")].Id);
            }

            shards.Add(replicas.MoveToImmutable());
        }

        return new InitCluster
        {
            ClusterId = clusterId,
            Nodes = nodes,
            ReplicationFactor = factor,
            HashSeed = hashSeed,
            ContextSecret = secret,
            Shards = shards.MoveToImmutable(),
        };
    }

    private static CreateKeyspace ReadCreate(ref PlacementReader reader) => new(ReadName(ref reader))
    {
        Mode = (KeyspaceMode)reader.Byte(),
        Routing = (RoutingRule)reader.Byte(),
        TtlDefaultMs = (long)reader.VarUInt(),
        ValueBytesMax = reader.VarInt(int.MaxValue, "value limit"),
        Eventual = reader.More(out var ttlMaxMs),
        TtlMaxMs = ttlMaxMs,
    };

    private static void Write(PlacementWriter writer, AlterKeyspace alter)
    {
        writer.Text(alter.Name);
        writer.Byte((byte)((alter.TtlDefaultMs is null ? 0 : 1) | (alter.ValueBytesMax is null ? 0 : 2) | (alter.TtlMaxMs is null ? 0 : 4) | (alter.Eventual is null ? 0 : 8)));
        if (alter.TtlDefaultMs is { } ttl)
        {
            writer.VarUInt((ulong)ttl);
        }

        if (alter.ValueBytesMax is { } bytes)
        {
            writer.VarUInt((ulong)bytes);
        }

        if (alter.TtlMaxMs is { } longest)
        {
            writer.VarUInt((ulong)longest);
        }

        if (alter.Eventual is { } change)
        {
            EventualChangeCodec.Write(writer, change);
        }
    }

    private static AlterKeyspace ReadAlter(ref PlacementReader reader)
    {
        var (name, set) = (ReadName(ref reader), reader.Byte());
        if (set > 15)
        {
            throw new PlacementFormatException($"Field set {set:x2} contains fields that this version does not support.");
        }

        return new AlterKeyspace(name)
        {
            TtlDefaultMs = (set & 1) == 0 ? null : (long)reader.VarUInt(),
            ValueBytesMax = (set & 2) == 0 ? null : reader.VarInt(int.MaxValue, "value limit"),
            TtlMaxMs = (set & 4) == 0 ? null : (long)reader.VarUInt(),
            Eventual = (set & 8) == 0 ? null : EventualChangeCodec.Read(ref reader),
        };
    }

    private static JoinNode ReadJoin(ref PlacementReader reader)
    {
        var node = reader.Node() with { Standing = NodeStanding.Joined, Instance = reader.Guid() };
        return new JoinNode(node, reader.NodeIdOrNone());
    }

    private static void Write(PlacementWriter writer, CommitPlan commit)
    {
        writer.VarUInt((ulong)commit.Base.Value);
        writer.Byte(commit.TakesStaged ? (byte)1 : (byte)0);
        writer.VarUInt((ulong)commit.AtMs);
        writer.Text(commit.Cause);
        OperationsCodec.Write(writer, commit.Changes);
        writer.VarUInt((ulong)commit.Moves.Length);
        foreach (var move in commit.Moves)
        {
            writer.VarUInt((ulong)move.Shard.Value);
            writer.Text(move.From.Value);
            writer.Text(move.To.Value);
        }
    }

    private static CommitPlan ReadCommit(ref PlacementReader reader)
    {
        var (epoch, staged, atMs) = (reader.Number("epoch"), reader.Flag(), reader.Number("moment"));
        var cause = reader.Text(4 * PlacementLimits.NoteLengthMax, "cause");
        var changes = OperationsCodec.ReadChanges(ref reader);
        var moves = ImmutableArray.CreateBuilder<PlannedMove>(reader.Count(PlacementLimits.OperatorsMax, "moves"));
        for (var i = 0; i < moves.Capacity; i++)
        {
            moves.Add(new PlannedMove(ReadShard(ref reader), reader.NodeId(), reader.NodeId()));
        }

        return new CommitPlan
        {
            Base = new Epoch(epoch),
            TakesStaged = staged,
            AtMs = atMs,
            Cause = cause,
            Changes = changes,
            Moves = moves.MoveToImmutable(),
        };
    }

    private static EndOperator ReadEndOperator(ref PlacementReader reader)
    {
        var (number, atMs) = (reader.Number("operator"), reader.Number("moment"));
        return new EndOperator(number, reader.Text(4 * PlacementLimits.NoteLengthMax, "note"), atMs);
    }

    private static ShardId ReadShard(ref PlacementReader reader) => new(reader.VarInt(ShardMap.ShardCountMax - 1, "shard"));

    private static MoveEnd ReadEnd(ref PlacementReader reader) => reader.Byte() switch
    {
        1 => MoveEnd.Moved,
        2 => MoveEnd.Cancelled,
        var other => throw new PlacementFormatException($"{other} is not the end of a move."),
    };

    private static string ReadName(ref PlacementReader reader) => reader.Text(KeyspaceName.LengthMax, "keyspace name");

    private static string? MistakeInName(string name) => KeyspaceName.IsValid(name) ? null : $"'{name}' is not a keyspace name";

    private static void RefuseMistake(string? mistake, string parameter)
    {
        if (mistake is not null)
        {
            throw new ArgumentException(mistake, parameter);
        }
    }
}
