using System.Collections.Immutable;
using CsCheck;
using KvRaft.Placement.Codecs;
using KvRaft.Placement.Rules;
using KvRaft.Placement.State;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Placement.Tests;

/// <summary>Commands over few names, so that they conflict; and a fixed cluster.</summary>
internal static class SomeCommands
{
    public static readonly Guid ClusterId = new("00112233-4455-6677-8899-aabbccddeeff");

    /// <summary>0 to 31.</summary>
    public static readonly ImmutableArray<byte> Secret = [.. Enumerable.Range(0, ContextKey.SecretBytes).Select(static i => (byte)i)];

    public static readonly InitCluster Init = InitCluster.For(ClusterId, Nodes(3), 4, 2, Secret);

    /// <summary>Not one of the initial nodes.</summary>
    public static readonly NodeDescriptor Newcomer = new()
    {
        Id = new NodeId("n9"),
        Zone = "z9",
        RaftAddress = "n9:1",
        PublicAddress = "n9:2",
        Standing = NodeStanding.Joined,
        Instance = new Guid("00000000-0000-0000-0000-000000000007"),
    };

    private static readonly Gen<NodeId> SomeNode = Gen.Int[0, 4].Select(i => i == 4 ? Newcomer.Id : new NodeId($"n{i}"));

    private static readonly Gen<TopologyChange> Changes = Gen.Select(Gen.Int[1, 6], SomeNode, Gen.Int[0, 2]).Select((kind, node, number) => (TopologyChangeKind)kind switch
    {
        TopologyChangeKind.Weight => new TopologyChange(TopologyChangeKind.Weight, node, Weight: number),
        TopologyChangeKind.Zone => new TopologyChange(TopologyChangeKind.Zone, node, Zone: $"z{number}"),
        TopologyChangeKind.Rebalance => new TopologyChange(TopologyChangeKind.Rebalance),
        var other => new TopologyChange(other, node),
    });

    /// <summary>Commands about nodes, plans and operators.</summary>
    public static readonly Gen<PlacementCommand> AnyOperation = Gen.Frequency<PlacementCommand>(
        (2, Gen.Int[0, 1].Select(which => (PlacementCommand)new JoinNode(which == 0 ? Newcomer : Newcomer with { Instance = new Guid("00000000-0000-0000-0000-000000000008") }))),
        (1, SomeNode.Select(node => (PlacementCommand)new JoinNode(Newcomer with { RaftAddress = "n0.example:7401" }, node))),
        (2, Gen.Select(SomeNode, Gen.Int[7, 8]).Select((node, instance) => (PlacementCommand)new RegisterNode(node, new Guid(instance, 0, 0, new byte[8]), $"{node}:1", $"{node}:2"))),
        (3, Changes.Array[1, 2].Select(changes => (PlacementCommand)new StageChanges([.. changes]))),
        (1, Gen.Const((PlacementCommand)new ClearPlan())),
        (6, Gen.Select(Gen.Int[1, 9], Changes.Array[0, 2], Gen.Select(Gen.Int[0, 4], SomeNode, SomeNode).Array[0, 3], Gen.Bool).Select((epoch, changes, moves, staged) =>
            (PlacementCommand)new CommitPlan
            {
                Base = new Epoch(epoch),
                Changes = [.. changes],
                Moves = [.. moves.Select(move => new PlannedMove(new ShardId(move.Item1), move.Item2, move.Item3))],
                Cause = "because",
                AtMs = epoch,
                TakesStaged = staged,
            })),
        (3, Gen.Int[1, 6].Select(number => (PlacementCommand)new EndOperator(number, "no", number))),
        (1, Gen.Select(Gen.Int[0, 4], Gen.Bool).Select((number, hold) => (PlacementCommand)new HoldOperator(number, hold))),
        (2, Gen.Select(Gen.Int[1, 5], Gen.Bool, Gen.Int[0, 2]).Select((kind, pause, until) => (PlacementCommand)new PauseScheduler((SchedulerKind)kind, pause, pause ? until : 0))),
        (2, Gen.Select(Gen.Int[0, 15], Gen.Int[0, 2]).Select((set, value) => (PlacementCommand)new ChangeSettings
        {
            CopyMegabytes = (set & 1) != 0 ? value : null,
            ForegroundP99Ms = (set & 2) != 0 ? value : null,
            MovesAtOnce = (set & 4) != 0 ? value : null,
            MovesAtOncePerNode = (set & 8) != 0 ? value : null,
        })),
        (2, Gen.Select(SomeNode, Gen.Bool).Select((node, drain) => (PlacementCommand)new DrainNode(node, drain))),
        (2, SomeNode.Select(node => (PlacementCommand)new RemoveNode(node))));

    private static readonly Gen<string> Names = OneOf("default", "carts", "orders", "Bad Name");

    private static readonly Gen<long> Ttls = Gen.OneOf(OneOf(0L, 1000L), OneOf(PlacementLimits.TtlMsMax, -1L));

    private static readonly Gen<long> Longest = Gen.OneOf(OneOf(0L, 0L), OneOf(500L, 1000L), OneOf(PlacementLimits.TtlMsMax, -1L));

    public static readonly Gen<PlacementCommand> Any = Gen.Frequency<PlacementCommand>(
        (2, OneOf<PlacementCommand>(
            Init,
            Init with { ClusterId = new Guid("00000000-0000-0000-0000-000000000001") },
            InitCluster.For(ClusterId, Nodes(3), 8, 2, Secret),
            InitCluster.For(ClusterId, Nodes(4), 4, 2, Secret))),
        (6, Gen.Select(Names, OneOf(RoutingRule.WholeKey, RoutingRule.Tag), Ttls, Longest, Gen.Int[-1, 2])
            .Select((name, routing, ttl, longest, bytes) => (PlacementCommand)new CreateKeyspace(name) { Routing = routing, TtlDefaultMs = ttl, TtlMaxMs = longest, ValueBytesMax = bytes })),
        (3, Gen.Select(Names, Ttls, Longest, Gen.Int[-1, 2], Gen.Int[0, 7])
            .Select((name, ttl, longest, bytes, set) => (PlacementCommand)new AlterKeyspace(name)
            {
                TtlDefaultMs = (set & 1) != 0 ? ttl : null,
                TtlMaxMs = (set & 4) != 0 ? longest : null,
                ValueBytesMax = (set & 2) != 0 ? bytes : null,
            })),
        (4, Names.Select(name => (PlacementCommand)new DropKeyspace(name))),
        (8, Gen.Select(Gen.Int[-1, 4], Gen.Int[0, 3], Gen.Int[0, 3])
            .Select((shard, from, to) => (PlacementCommand)new StartMove(new ShardId(shard), new NodeId($"n{from}"), new NodeId($"n{to}")))),
        (3, Gen.Int[-1, 4].Select(shard => (PlacementCommand)new CancelMove(new ShardId(shard)))),
        (8, Gen.Select(Gen.Int[-1, 4], Gen.Int[0, 3], Gen.Int[0, 4], OneOf(MoveEnd.Moved, MoveEnd.Cancelled))
            .Select((shard, to, incarnation, end) =>
                (PlacementCommand)new FinishMove(new ShardId(shard), new Replica(new NodeId($"n{to}"), incarnation), end))),
        (2, Gen.Select(Gen.Int[0, 3], OneOf("", "10.0.0.7:1", "host.example:65535"))
            .Select((node, address) => (PlacementCommand)new ChangeNodeAddress(new NodeId($"n{node}"), address, "p:1"))));

    public static readonly Gen<PlacementCommand> Encodable = Gen.OneOf(Any, AnyOperation).Where(IsEncodable);

    public static NodeDescriptor[] Nodes(int count) =>
    [
        .. Enumerable.Range(0, count).Select(i => new NodeDescriptor
        {
            Id = new NodeId($"n{i}"),
            Weight = 1 + (i % 2),
            Zone = $"z{i}",
            RaftAddress = $"n{i}.example:7401",
            PublicAddress = $"n{i}.example:7400",
        }),
    ];

    /// <summary>The nodes of a shard in the fixed cluster.</summary>
    public static NodeId[] On(int shard) => [.. Founded().Map![new ShardId(shard)].Replicas.Select(static replica => replica.Node)];

    /// <summary>The one of the three nodes without a replica of the shard.</summary>
    public static NodeId Off(int shard) => Nodes(3).Select(static node => node.Id).Single(node => !On(shard).Contains(node));

    public static PlacementState Founded() => PlacementRules.Apply(PlacementState.Empty, Init).State;

    public static PlacementState After(params PlacementCommand[] commands) =>
        commands.Aggregate(PlacementState.Empty, (state, command) => PlacementRules.Apply(state, command).State);

    public static CommittedEntry Entry(long index, params PlacementCommand[] commands) =>
        new(new LogPosition(1, index), 0, [.. commands.Select(command => (ReadOnlyMemory<byte>)PlacementCommandCodec.Encode(command))]);

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static bool IsEncodable(PlacementCommand command) => command switch
    {
        InitCluster init => PlacementChecks.MistakeIn(init) is null,
        CreateKeyspace create => PlacementChecks.MistakeIn(create) is null,
        AlterKeyspace alter => PlacementChecks.MistakeIn(alter) is null && KeyspaceName.IsValid(alter.Name),
        DropKeyspace drop => KeyspaceName.IsValid(drop.Name),
        ChangeNodeAddress change => PlacementChecks.MistakeIn(change) is null,
        StartMove start => PlacementChecks.MistakeInShard(start.Shard) is null,
        CancelMove cancel => PlacementChecks.MistakeInShard(cancel.Shard) is null,
        FinishMove finish => PlacementChecks.MistakeIn(finish) is null,
        JoinNode join => PlacementChecks.MistakeIn(join) is null,
        RegisterNode register => PlacementChecks.MistakeIn(register) is null,
        StageChanges stage => PlacementChecks.MistakeIn(stage.Changes) is null,
        CommitPlan commit => PlacementChecks.MistakeIn(commit) is null,
        ChangeSettings change => PlacementChecks.MistakeIn(change) is null,
        PauseScheduler pause => PlacementChecks.MistakeIn(pause) is null,
        ClearPlan or EndOperator or HoldOperator or DrainNode or RemoveNode => true,
        _ => false,
    };
}
