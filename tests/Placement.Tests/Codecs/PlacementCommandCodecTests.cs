using CsCheck;
using KvRaft.Placement.Codecs;
using KvRaft.Placement.Rules;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Tests.Codecs;

public class PlacementCommandCodecTests
{
    public static TheoryData<string, PlacementCommand> Golden => new()
    {
        { "0102056361727473010280EA3000" + "00", new CreateKeyspace("carts") { Routing = RoutingRule.Tag, TtlDefaultMs = 800_000 } },
        { "01020563617274730201" + "0000" + "01" + "030201" + "01" + "04" + "02", new CreateKeyspace("carts") { Mode = KeyspaceMode.Eventual, Eventual = new EventualPolicy { Quorum = new QuorumSpec(3, 2, 1, Sloppy: true), Conflict = ConflictPolicy.Set, Durability = EventualDurability.Memory } } },
        { "01020561" + "2E2D5F39010180E0D489E45B" + "FFFFFFFF0700", new CreateKeyspace("a.-_9") { TtlDefaultMs = PlacementLimits.TtlMsMax, ValueBytesMax = int.MaxValue } },
        { "0102056361727473010280EA3000" + "0280CC3A", new CreateKeyspace("carts") { Routing = RoutingRule.Tag, TtlDefaultMs = 800_000, TtlMaxMs = 960_000 } },
        { "0103056361727473" + "00", new AlterKeyspace("carts") },
        { "0103056361727473" + "048002", new AlterKeyspace("carts") { TtlMaxMs = 256 } },
        { "0103056361727473" + "0100", new AlterKeyspace("carts") { TtlDefaultMs = 0 } },
        { "0103056361727473" + "0380018002", new AlterKeyspace("carts") { TtlDefaultMs = 128, ValueBytesMax = 256 } },
        { "0104056361727473", new DropKeyspace("carts") },
        { "0105026E3103613A3105" + "623A323232", new ChangeNodeAddress(new NodeId("n1"), "a:1", "b:222") },
        { "0106" + "05" + "026E31" + "026E34", new StartMove(new ShardId(5), new NodeId("n1"), new NodeId("n4")) },
        { "0107" + "8001", new CancelMove(new ShardId(128)) },
        { "0108" + "05" + "026E34" + "AC02" + "01", new FinishMove(new ShardId(5), new Replica(new NodeId("n4"), 300), MoveEnd.Moved) },
        { "0108" + "00" + "026E34" + "02" + "02", new FinishMove(new ShardId(0), new Replica(new NodeId("n4"), 2), MoveEnd.Cancelled) },
        { "0106" + "05" + "026E31" + "026E34" + "8001", new StartMove(new ShardId(5), new NodeId("n1"), new NodeId("n4"), 128) },
        { "0108" + "05" + "026E34" + "AC02" + "01" + "8001", new FinishMove(new ShardId(5), new Replica(new NodeId("n4"), 300), MoveEnd.Moved, 128) },
        {
            "0109" + "026E39" + "000000000000F03F" + "027A39" + "046E393A31" + "046E393A32" + "00000000000000000000000000000007" + "026E31",
            new JoinNode(SomeCommands.Newcomer, new NodeId("n1"))
        },
        { "010A" + "026E31" + "00000000000000000000000000000007" + "03613A31" + "05623A323232", new RegisterNode(new NodeId("n1"), new Guid("00000000-0000-0000-0000-000000000007"), "a:1", "b:222") },
        {
            "010B" + "06" + "01" + "026E39" + "02" + "026E31" + "0000000000000040" + "03" + "026E31" + "017A" + "04" + "026E31" + "05" + "026E31" + "06" + "00",
            new StageChanges(
            [
                new TopologyChange(TopologyChangeKind.Add, new NodeId("n9")),
                new TopologyChange(TopologyChangeKind.Weight, new NodeId("n1"), Weight: 2),
                new TopologyChange(TopologyChangeKind.Zone, new NodeId("n1"), Zone: "z"),
                new TopologyChange(TopologyChangeKind.Decommission, new NodeId("n1")),
                new TopologyChange(TopologyChangeKind.SetAside, new NodeId("n1")),
                new TopologyChange(TopologyChangeKind.Rebalance),
            ])
        },
        { "010C", new ClearPlan() },
        {
            "010D" + "8001" + "01" + "8101" + "03776879" + "01" + "04" + "026E31" + "01" + "05" + "026E31" + "026E32",
            new CommitPlan
            {
                Base = new Epoch(128),
                TakesStaged = true,
                AtMs = 129,
                Cause = "why",
                Changes = [new TopologyChange(TopologyChangeKind.Decommission, new NodeId("n1"))],
                Moves = [new PlannedMove(new ShardId(5), new NodeId("n1"), new NodeId("n2"))],
            }
        },
        { "010E" + "8001" + "8101" + "026E6F", new EndOperator(128, "no", 129) },
        { "010F" + "00" + "01", new HoldOperator(0, Hold: true) },
        { "0110" + "026E31" + "01", new DrainNode(new NodeId("n1"), Drain: true) },
        { "0111" + "026E31", new RemoveNode(new NodeId("n1")) },
        { "0112" + "00", new ChangeSettings() },
        { "0112" + "0F" + "8001" + "00" + "02" + "01", new ChangeSettings { CopyMegabytes = 128, ForegroundP99Ms = 0, MovesAtOnce = 2, MovesAtOncePerNode = 1 } },
        { "0112" + "02" + "32", new ChangeSettings { ForegroundP99Ms = 50 } },
        { "0113" + "02" + "00" + "00", new PauseScheduler(SchedulerKind.Balance, Pause: false) },
        { "0113" + "01" + "01" + "8001", new PauseScheduler(SchedulerKind.ReplaceDead, Pause: true, 128) },
        {
            "0114" + "00112233445566778899AABBCCDDEEFF" + "3130746661" + "52764B" + "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"
            + "02" + "0161" + "000000000000F03F" + "027A31" + "03613A31" + "03613A32" + "0162" + "0000000000000040" + "00" + "03623A31" + "03623A32"
            + "02" + "01" + "00" + "01",
            new InitCluster
            {
                ClusterId = SomeCommands.ClusterId,
                HashSeed = KeyHash.Seed,
                ContextSecret = SomeCommands.Secret,
                Nodes =
                [
                    new NodeDescriptor { Id = new NodeId("a"), Weight = 1, Zone = "z1", RaftAddress = "a:1", PublicAddress = "a:2" },
                    new NodeDescriptor { Id = new NodeId("b"), Weight = 2, RaftAddress = "b:1", PublicAddress = "b:2" },
                ],
                ReplicationFactor = 1,
                Shards = [[new NodeId("a")], [new NodeId("b")]],
            }
        },
    };

    // Logs hold these bytes. If a line fails, the code is wrong, not the line.
    [Theory]
    [MemberData(nameof(Golden))]
    public void The_bytes_of_fixed_commands_never_change(string hex, PlacementCommand command)
    {
        Assert.Equal(hex, Convert.ToHexString(PlacementCommandCodec.Encode(command)));
        Assert.Equal(command, PlacementCommandCodec.Decode(Convert.FromHexString(hex)));
    }

    [Fact]
    public void An_initialization_without_a_context_secret_is_refused_by_name()
    {
        var refused = Assert.Throws<PlacementFormatException>(static () => PlacementCommandCodec.Decode(Convert.FromHexString("0101" + "00112233445566778899AABBCCDDEEFF")));

        Assert.Contains("without a context secret", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Decoding_returns_the_encoded_value() =>
        SomeCommands.Encodable.Sample(command => Assert.Equal(command, PlacementCommandCodec.Decode(PlacementCommandCodec.Encode(command))));

    [Fact]
    public void A_command_that_would_only_be_refused_is_not_encoded() =>
        Assert.All(
            new PlacementCommand[]
            {
                new CreateKeyspace("Bad Name"),
                new CreateKeyspace("carts") { TtlDefaultMs = -1 },
                new CreateKeyspace("carts") { TtlDefaultMs = 2, TtlMaxMs = 1 },
                new AlterKeyspace("carts") { ValueBytesMax = -1 },
                new DropKeyspace(""),
                new ChangeNodeAddress(new NodeId("n1"), "", "b:2"),
                new StartMove(new ShardId(-1), new NodeId("n1"), new NodeId("n2")),
                new CancelMove(new ShardId(ShardMap.ShardCountMax)),
                new FinishMove(new ShardId(0), new Replica(new NodeId("n1"), 0), MoveEnd.Moved),
                SomeCommands.Init with { ReplicationFactor = 3 },
            },
            command => Assert.Throws<ArgumentException>(() => PlacementCommandCodec.Encode(command)));

    [Fact]
    public void Any_cut_is_detected() =>
        SomeCommands.Encodable.Sample(command =>
        {
            var bytes = PlacementCommandCodec.Encode(command);
            for (var length = 0; length < bytes.Length; length++)
            {
                Assert.Throws<PlacementFormatException>(() => PlacementCommandCodec.Decode(bytes.AsSpan(0, length)));
            }

            Assert.Throws<PlacementFormatException>(() => PlacementCommandCodec.Decode([.. bytes, 0]));
        });

    [Fact]
    public void Changed_bytes_are_another_command_or_a_typed_error() =>
        Gen.Select(SomeCommands.Encodable, Gen.Int[0, 1000], Gen.Byte).Sample((command, at, value) =>
        {
            var bytes = PlacementCommandCodec.Encode(command);
            bytes[at % bytes.Length] = value;
            AssertDecodesOrRefuses(bytes);
        }, iter: 20_000);

    [Fact]
    public void Random_bytes_are_a_command_or_a_typed_error() =>
        Gen.Select(Gen.Byte[0, 20], Gen.Byte.Array[0, 60]).Sample((kind, bytes) => AssertDecodesOrRefuses([1, kind, .. bytes]), iter: 20_000);

    [Theory]
    [InlineData("0204056361727473")]
    [InlineData("0112" + "10" + "01")]
    [InlineData("0113" + "00" + "00" + "00")]
    [InlineData("0113" + "07" + "00" + "00")]
    [InlineData("0114056361727473")]
    [InlineData("0106" + "05" + "026E31" + "026E34" + "00")]
    [InlineData("010B" + "01" + "07" + "026E39")]
    [InlineData("0106056361727473")]
    [InlineData("010805026E34AC0203")]
    [InlineData("01078020")]
    [InlineData("010205636172747301010000" + "01")]
    [InlineData("0103056361727473" + "04")]
    [InlineData("010485006361727473")]
    [InlineData("010402FFFF")]
    public void Newer_versions_unknown_kinds_and_second_forms_are_refused(string hex) =>
        Assert.Throws<PlacementFormatException>(() => PlacementCommandCodec.Decode(Convert.FromHexString(hex)));

    private static void AssertDecodesOrRefuses(byte[] bytes)
    {
        PlacementCommand command;
        try
        {
            command = PlacementCommandCodec.Decode(bytes);
        }
        catch (PlacementFormatException)
        {
            return;
        }

        // Every decoded command can be applied, and a valid command has exactly one encoding.
        var outcome = PlacementRules.Apply(SomeCommands.Founded(), command).Outcome;
        if (outcome is not PlacementRefused && PlacementRules.Apply(PlacementState.Empty, command).Outcome is not PlacementRefused { Reason: PlacementRefusal.Invalid })
        {
            Assert.Equal(bytes, PlacementCommandCodec.Encode(command));
        }
    }
}
