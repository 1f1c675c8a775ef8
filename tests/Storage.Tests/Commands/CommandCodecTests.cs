using CsCheck;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Tests.Shards;
using static KvRaft.Storage.Tests.Shards.Replica;

namespace KvRaft.Storage.Tests.Commands;

/// <summary>Log entries outlive the software that wrote them: these bytes may never change meaning.</summary>
public sealed class CommandCodecTests
{
    private static readonly RequestStamp Stamp = new(new(new UInt128(0x0192A0B0C0D07000, 0x8000000000000001)), 300, 299, 130);

    public static TheoryData<string, ShardCommand, string> Golden => new()
    {
        { "put", Put("k", "v"), "05 01 00 01 00 00 07 01 6b 01 76 00" },
        {
            "put with everything",
            Put("k", "v", 1_000) with { Stamp = Stamp, ReturnPrevious = true, Condition = Condition.VersionEquals(200) },
            "05 01 01 0192a0b0c0d070008000000000000001 ac02 ab02 8201 01 01 e807 02 07 01 6b 01 76 03 c801"
        },
        { "put with a time-to-live", PutFor("k", "v", 30_000), "05 01 00 01 02 b0ea01 00 07 01 6b 01 76 00" },
        { "put if absent", Put("k", "") with { Condition = Condition.Absent }, "05 01 00 01 00 00 07 01 6b 00 01" },
        {
            "put with an answer of 200 bytes",
            Put("k", "v") with { AnswerBytesMax = 200, Condition = Condition.Absent, ReturnCurrent = true }, "05 01 02 c801 01 00 04 07 01 6b 01 76 01"
        },
        {
            "txn that returns what it replaces",
            new TxnCommand([], [new TxnPut(Space, Bytes("a"), Bytes("v")) { ReturnPrevious = true }, new TxnDelete(Space, Bytes("c")) { ReturnPrevious = true }], []),
            "05 05 00 01 00 00 02 02 02 070161 0176 03 02 070163 00"
        },
        { "delete", Delete("k") with { Condition = Condition.ValueEquals(Bytes("v")), ReturnPrevious = true }, "05 02 00 00 02 07 01 6b 04 01 76" },
        { "touch", new TouchCommand(Space, Bytes("k"), Expiry.At(128)) { Condition = Condition.Present }, "05 03 00 01 01 8001 00 07 01 6b 02" },
        { "persist", new TouchCommand(new(0x80), Bytes("k"), Expiry.Never), "05 03 00 01 00 00 8001 01 6b 00" },
        {
            "increment", new IncrementCommand(Space, Bytes("k"), -1) { Initial = 5, Min = 0, Max = 255 },
            "05 04 00 01 00 00 07 01 6b 01 0a 0000000000000000 ff00000000000000 00"
        },
        {
            "txn",
            new TxnCommand(
                [new(Space, Bytes("k"), Condition.Present)],
                [new TxnPut(Space, Bytes("a"), Bytes("v")) { Expiry = Expiry.At(9) }, new TxnGet(Space, Bytes("b")), new TxnDelete(Space, Bytes("c"))],
                [new TxnIncrement(Space, Bytes("d"), 1) { Min = 0, Max = 1, Expiry = Expiry.After(8) }]),
            "05 05 00 02 01 09 02 08 01 07016b02 03 02 00 070161 0176 01 00 070162 03 00 070163 01 04 00 070164 02 00 0000000000000000 0100000000000000"
        },
        { "delete range", new DeleteRangeCommand(Space, Bytes("a"), default, 100), "05 06 00 00 07 01 61 00 64" },
        { "delete whole range", new DeleteRangeCommand(Space, Bytes("a"), Bytes("b"), 100) { AllOrNothing = true }, "05 09 00 00 07 01 61 01 62 64" },
        {
            "put if the hash is", Put("k", "v") with { Condition = Condition.ValueSha256Equals(new byte[32]) },
            "05 01 00 01 00 00 07 01 6b 01 76 05 0000000000000000000000000000000000000000000000000000000000000000"
        },
        { "drop keyspace", new DropKeyspaceCommand(Space), "05 07 00 00 07" },
        { "tick", new TickCommand(4_096), "05 08 00 00 8020" },
    };

    [Theory, MemberData(nameof(Golden))]
    public void Bytes_on_disk_keep_their_meaning(string name, ShardCommand command, string hex)
    {
        var golden = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));

        Assert.True(golden.AsSpan().SequenceEqual(CommandCodec.Encode(command)), $"{name}: {Convert.ToHexStringLower(CommandCodec.Encode(command))}");
        var decoded = CommandCodec.Decode(golden).Command;
        Assert.Equal(command.GetType(), decoded.GetType());
        Assert.Equal(command.Stamp, decoded.Stamp);
        Assert.Equal(golden, CommandCodec.Encode(decoded));
    }

    [Fact]
    public void Every_command_survives_the_round_trip() =>
        CommandGen.Any.Sample(command =>
        {
            var bytes = CommandCodec.Encode(command);
            return CommandCodec.Encode(CommandCodec.Decode(bytes).Command).AsSpan().SequenceEqual(bytes);
        });

    [Fact]
    public void Damaged_bytes_are_a_typed_error_or_another_command_in_its_only_form() =>
        Gen.Select(CommandGen.Any, Gen.Int[0, 400], Gen.Byte, Gen.Int[0, 3]).Sample((command, place, value, cut) =>
        {
            var bytes = CommandCodec.Encode(command);
            bytes[place % bytes.Length] = value;
            bytes = cut == 0 ? bytes[..(place % (bytes.Length + 1))] : bytes;
            return IsErrorOrCanonical(bytes);
        });

    [Fact]
    public void Noise_is_a_typed_error_or_a_command_in_its_only_form() =>
        Gen.Byte.Array[0, 60].Select(Gen.Int[1, 9]).Sample((noise, kind) => IsErrorOrCanonical([CommandCodec.FormatVersion, (byte)kind, .. noise]));

    [Fact]
    public void Other_formats_and_newer_kinds_are_distinguished_from_damage()
    {
        Assert.Throws<UnsupportedCommandException>(() => CommandCodec.Decode(new byte[] { CommandCodec.FormatVersion + 1, 1, 0, 0 }));
        Assert.Throws<UnsupportedCommandException>(() => CommandCodec.Decode(new byte[] { CommandCodec.FormatVersion, 99, 0, 0 }));
        Assert.Throws<CommandFormatException>(() => CommandCodec.Decode(new byte[] { CommandCodec.FormatVersion }));
        Assert.Throws<CommandFormatException>(() => CommandCodec.Decode(new byte[] { CommandCodec.FormatVersion, 8, 0, 0, 1, 0 }));

        // Format 1 carried instants by a leader's wall clock.
        var old = Assert.Throws<UnsupportedCommandException>(() => CommandCodec.Decode(Convert.FromHexString("010100000007016b017600")));
        Assert.Contains("format 1", old.Message, StringComparison.Ordinal);

        // The body of format 4 had a bit for an expiry by default, so a repeat of a request could look like another request.
        old = Assert.Throws<UnsupportedCommandException>(() => CommandCodec.Decode(Convert.FromHexString("040100010207010107016b017600")));
        Assert.Contains("format 4", old.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("04 01"), InlineData("01 00"), InlineData("02 00"), InlineData("03 00"), InlineData("03 ffffffffffffffffff01")]
    [InlineData("01 80d0dbc3f49c3a"), InlineData("01 ffffffffffffffffff01"), InlineData("02 ffffffffffffffffff01")]
    public void An_expiry_out_of_bounds_is_refused(string expiry)
    {
        var bytes = Convert.FromHexString(("05 01 00 01" + expiry + "00 07 01 6b 01 76 00").Replace(" ", "", StringComparison.Ordinal));

        Assert.Throws<CommandFormatException>(() => CommandCodec.Decode(bytes));
    }

    [Fact]
    public void A_retry_by_another_leader_has_the_same_body_hash()
    {
        var first = Put("k", "v", expireAtMs: 1_000) with { Stamp = Stamp };
        var retry = first with { AnswerBytesMax = 9, Stamp = Stamp with { FirstUnacked = 300 } };

        Assert.Equal(Hash(first), Hash(retry));
        Assert.NotEqual(Hash(first), Hash(first with { Value = Bytes("w") }));
        Assert.NotEqual(Hash(Delete("k")), Hash(new TouchCommand(Space, Bytes("k"), Expiry.Never)));
    }

    [Fact]
    public void A_retry_after_the_default_expiry_of_the_keyspace_was_set_changed_or_removed_has_the_same_body_hash()
    {
        // The request names no expiry; the node takes the default of the keyspace at each attempt.
        ShardCommand[] commands =
        [
            Put("k", "v"), new TouchCommand(Space, Bytes("k"), Expiry.Never), new IncrementCommand(Space, Bytes("k"), 1),
            new TxnCommand([], [new TxnPut(Space, Bytes("k"), Bytes("v"))], [new TxnIncrement(Space, Bytes("k"), 1)]),
        ];
        foreach (var first in commands)
        {
            Assert.Equal(Hash(first), Hash(With(first, Expiry.AfterByDefault(5_000))));
            Assert.Equal(Hash(first), Hash(With(first, Expiry.AfterByDefault(9_000))));
        }
    }

    /// <summary>An expiry that the client named is content of the request like the value: another one under the same id is another request.</summary>
    [Fact]
    public void A_request_that_names_another_expiry_has_another_body_hash()
    {
        ulong[] hashes =
        [
            .. new[] { Expiry.Never, Expiry.At(5_000), Expiry.After(5_000), Expiry.After(5_001) }.Select(static expiry => Hash(Put("k", "v") with { Expiry = expiry })),
            Hash(With(new TxnCommand([], [new TxnPut(Space, Bytes("k"), Bytes("v")), new TxnPut(Space, Bytes("l"), Bytes("v")) { Expiry = Expiry.After(5_000) }], []), null)),
            Hash(With(new TxnCommand([], [new TxnPut(Space, Bytes("k"), Bytes("v")) { Expiry = Expiry.After(5_000) }, new TxnPut(Space, Bytes("l"), Bytes("v"))], []), null)),
        ];

        Assert.Equal(hashes.Length, hashes.Distinct().Count());
    }

    private static ShardCommand With(ShardCommand command, Expiry? expiry) => (command, expiry) switch
    {
        (_, null) => command,
        (PutCommand put, { } given) => put with { Expiry = given },
        (TouchCommand touch, { } given) => touch with { Expiry = given },
        (IncrementCommand add, { } given) => add with { Expiry = given },
        (TxnCommand txn, { } given) => txn with
        {
            Then = [.. txn.Then.Select(operation => operation is TxnPut put ? put with { Expiry = given } : operation)],
            Else = [.. txn.Else.Select(operation => operation is TxnIncrement add ? add with { Expiry = given } : operation)],
        },
        _ => throw new ArgumentException("no expiry", nameof(command)),
    };

    [Fact]
    public void Limits_hold_before_anything_is_proposed()
    {
        Assert.Throws<ArgumentException>(() => CommandCodec.Encode(new PutCommand(Space, new byte[ShardLimits.KeyBytesMax + 1], default)));
        Assert.Throws<ArgumentException>(() => CommandCodec.Encode(new PutCommand(Space, default, new byte[ShardLimits.ValueBytesMax + 1])));
        Assert.Throws<ArgumentException>(() => CommandCodec.Encode(
            new TxnCommand([], [.. Enumerable.Repeat(new TxnGet(Space, Bytes("k")), ShardLimits.TxnOperationsMax + 1)], [])));
        Assert.Throws<ArgumentOutOfRangeException>(() => CommandCodec.Encode(new DeleteRangeCommand(Space, default, default, 0)));
        Assert.Throws<ArgumentOutOfRangeException>(() => Expiry.At(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Expiry.At(ShardLimits.InstantMsMax + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Expiry.After(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Expiry.After(ShardLimits.TtlMsMax + 1));
    }

    private static ulong Hash(ShardCommand command) => CommandCodec.Decode(CommandCodec.Encode(command)).BodyHash;

    private static bool IsErrorOrCanonical(byte[] bytes)
    {
        try
        {
            return CommandCodec.Encode(CommandCodec.Decode(bytes).Command).AsSpan().SequenceEqual(bytes);
        }
        catch (Exception error) when (error is CommandFormatException or UnsupportedCommandException)
        {
            return true;
        }
    }
}
