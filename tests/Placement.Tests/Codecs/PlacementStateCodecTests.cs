using CsCheck;
using KvRaft.Placement.Codecs;
using KvRaft.Placement.State;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Placement.Tests.Codecs;

public class PlacementStateCodecTests
{
    private static readonly LogPosition Position = new(3, 0x1122);

    private static readonly Gen<PlacementState> States =
        Gen.OneOf(SomeCommands.Any, SomeCommands.AnyOperation).List[0, 16].Select(commands => SomeCommands.After([SomeCommands.Init, .. commands]));

    // Disks hold these bytes. If this fails, the code is wrong, not the line.
    [Fact]
    public void The_bytes_of_a_fixed_state_never_change()
    {
        var state = SomeCommands.After(
            new InitCluster
            {
                ClusterId = SomeCommands.ClusterId,
                HashSeed = KeyHash.Seed,
                ContextSecret = SomeCommands.Secret,
                Nodes = [new NodeDescriptor { Id = new NodeId("a"), RaftAddress = "a:1", PublicAddress = "a:2" }],
                ReplicationFactor = 1,
                Shards = [[new NodeId("a")], [new NodeId("a")]],
            },
            new CreateKeyspace("carts") { Routing = RoutingRule.Tag, TtlDefaultMs = 1000 });
        const string Hex =
            "4B565053" + "05" + "0300000000000000" + "2211000000000000" + "97000000"
            + "01" + "00112233445566778899AABBCCDDEEFF"
            + "01" + "01" + "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F" // context keys
            + "01" + "0161" + "000000000000F03F" + "00" + "03613A31" + "03613A32"
            + "02" + "01" + "313074666152764B" + "02" + "010001" + "010001"
            + "03" + "02" + "01" + "0764656661756C74" + "0101" + "00" + "00" + "00" + "02" + "056361727473" + "0102" + "E807" + "00" + "00"
            + "00" + "00"
            + "02" + "00000000000000000000000000000000" + "00" + "01" + "01" + "00" + "00" + "00" + "00"
            + "8001" + "32" + "04" + "02" + "01" + "0200" // settings; balance is paused
            + "2C5598AC"; // CRC-32C, little-endian
        Assert.Equal(Hex, Convert.ToHexString(PlacementStateCodec.EncodeFile(state, Position)));
    }

    [Fact]
    public void An_older_version_is_refused_by_number()
    {
        var bytes = PlacementStateCodec.EncodeFile(SomeCommands.After(SomeCommands.Init), Position);
        bytes[4] = 4;

        var refused = Assert.Throws<PlacementFormatException>(() => PlacementStateCodec.DecodeFile(bytes));

        Assert.Equal("The placement file has version 4, and this node reads version 5 only.", refused.Message);
    }

    [Fact]
    public void The_bytes_of_nodes_and_operations_never_change()
    {
        var state = SomeCommands.After(
            SomeCommands.Init,
            new JoinNode(SomeCommands.Newcomer),
            new StageChanges([new TopologyChange(TopologyChangeKind.Weight, new NodeId("n1"), Weight: 2), new TopologyChange(TopologyChangeKind.Zone, new NodeId("n2"), Zone: "z")]),
            new CommitPlan
            {
                Base = new Epoch(3),
                Cause = "why",
                AtMs = 128,
                Changes = [new TopologyChange(TopologyChangeKind.Add, SomeCommands.Newcomer.Id)],
                Moves =
                [
                    new PlannedMove(new ShardId(0), SomeCommands.On(0)[0], SomeCommands.Newcomer.Id),
                    new PlannedMove(new ShardId(1), SomeCommands.On(1)[0], SomeCommands.Newcomer.Id),
                ],
            },
            new EndOperator(1, "no", 129),
            new ChangeSettings { CopyMegabytes = 200 },
            new PauseScheduler(SchedulerKind.LeaderBalance, Pause: true, 128));
        var bytes = Convert.ToHexString(PlacementStateCodec.EncodeState(state));
        var none = "02" + "00000000000000000000000000000000";
        Assert.EndsWith(
            none + none + none + "02" + "00000000000000000000000000000007" + "00" // standings, instances, no removed node
            + "03" + "02" + "00" // next operator, next plan, not held
            + "02" + "02" + "026E31" + "0000000000000040" + "03" + "026E32" + "017A" // staged
            + "01" + "02" + "01" + "01" + Text(SomeCommands.On(1)[0]) + "026E39" + "00" + "8001" + "03776879"
            + "01" + "01" + "01" + "00" + Text(SomeCommands.On(0)[0]) + "026E39" + "00" + "8001" + "03776879" + "03" + "8101" + "026E6F" + "05" // ended at epoch 5
            + "C801" + "32" + "04" + "02" + "02" + "0200" + "048001", // settings, two schedulers paused
            bytes,
            StringComparison.Ordinal);
        Assert.Equal(state, PlacementStateCodec.DecodeState(Convert.FromHexString(bytes)));

        static string Text(NodeId node) => $"026E3{node.Value[1]}";
    }

    [Fact]
    public void The_bytes_of_moves_never_change()
    {
        var state = SomeCommands.After(
            SomeCommands.Init,
            new StartMove(new ShardId(0), SomeCommands.On(0)[0], SomeCommands.Off(0)),
            new FinishMove(new ShardId(0), new Replica(SomeCommands.Off(0), 2), MoveEnd.Moved),
            new StartMove(new ShardId(2), SomeCommands.On(2)[0], SomeCommands.Off(2)),
            new CancelMove(new ShardId(2)));
        var bytes = Convert.ToHexString(PlacementStateCodec.EncodeState(state));
        var (gone, from, to) = (Index(SomeCommands.On(0)[0]), Index(SomeCommands.On(2)[0]), Index(SomeCommands.Off(2)));
        Assert.Contains("01" + "02" + from + "01" + to + "02" + "01" + "01" + "00" + gone + "01", bytes, StringComparison.Ordinal);
        Assert.Equal(state, PlacementStateCodec.DecodeState(Convert.FromHexString(bytes)));

        static string Index(NodeId node) => $"0{node.Value[1]}";
    }

    [Fact]
    public void The_bytes_of_no_state_never_change() =>
        Assert.Equal(
            "4B565053" + "05" + "0000000000000000" + "0000000000000000" + "01000000" + "00" + "0C97EB60",
            Convert.ToHexString(PlacementStateCodec.EncodeFile(PlacementState.Empty, LogPosition.None)));

    [Fact]
    public void Decoding_returns_the_encoded_value() =>
        States.Sample(state => Assert.Equal((state, Position), PlacementStateCodec.DecodeFile(PlacementStateCodec.EncodeFile(state, Position))));

    [Fact]
    public void Any_cut_and_any_flipped_bit_of_a_file_is_detected()
    {
        var bytes = PlacementStateCodec.EncodeFile(SomeCommands.Founded(), Position);
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.Throws<PlacementFormatException>(() => PlacementStateCodec.DecodeFile(bytes.AsSpan(0, length)));
        }

        for (var bit = 0; bit < 8 * bytes.Length; bit++)
        {
            var flipped = bytes.ToArray();
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<PlacementFormatException>(() => PlacementStateCodec.DecodeFile(flipped));
        }
    }

    // With a valid checksum, as from a bug or a hostile peer.
    [Fact]
    public void Changed_state_bytes_are_another_state_or_a_typed_error() =>
        Gen.Select(States, Gen.Int[0, 10_000], Gen.Byte).Sample(
            (state, at, value) =>
            {
                var bytes = PlacementStateCodec.EncodeState(state);
                bytes[at % bytes.Length] = value;
                try
                {
                    Assert.Equal(bytes, PlacementStateCodec.EncodeState(PlacementStateCodec.DecodeState(bytes)));
                }
                catch (PlacementFormatException)
                {
                    Assert.NotEqual(PlacementStateCodec.EncodeState(state), bytes);
                }
            },
            iter: 20_000);
}
