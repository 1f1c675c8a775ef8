using System.Security.Cryptography;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Tests.Shards;
using static KvRaft.Storage.Tests.Shards.Replica;

namespace KvRaft.Storage.Tests.Commands;

/// <summary>
/// Commands of a few bytes about a large value. Transactions with 128 compares of the hash of one value of a megabyte, half a megabyte of requests in all, read
/// and hashed twelve gigabytes in apply, and the shard answered nothing for half a minute.
/// </summary>
public sealed class ApplyCostTests : IDisposable
{
    private const int ValueBytes = 1 << 20;

    private readonly TemporaryDirectory _directory = new();
    private readonly FaultyEngines _engines = new();
    private readonly Replica _shard;
    private readonly byte[] _hash;

    public ApplyCostTests()
    {
        var value = new byte[ValueBytes];
        _hash = SHA256.HashData(value);
        _shard = new Replica(_directory.Path, _engines);
        _shard.Apply(new PutCommand(Space, Bytes("large"), value), new PutCommand(Space, Bytes("larger"), new byte[ValueBytes + 1]));
        _engines.BytesRead = 0;
    }

    public void Dispose()
    {
        _shard.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void A_value_is_read_and_hashed_once_in_an_entry_however_many_compares_name_its_hash()
    {
        var right = new TxnCompare(Space, Bytes("large"), Condition.ValueSha256Equals(_hash));
        var wrong = new TxnCompare(Space, Bytes("large"), Condition.ValueSha256Equals(new byte[32]));
        TxnCommand[] transactions =
        [
            .. Enumerable.Repeat(new TxnCommand([.. Enumerable.Repeat(right, 127)], [new TxnPut(Space, Bytes("then"), Bytes("1"))], []), 20),
            .. Enumerable.Repeat(new TxnCommand([.. Enumerable.Repeat(right, 126), wrong], [], [new TxnPut(Space, Bytes("else"), Bytes("1"))]), 20),
        ];

        var outcomes = _shard.Apply([.. transactions, Delete("large") with { Condition = Condition.ValueSha256Equals(new byte[32]) }]);

        Assert.All(outcomes.Take(20), static outcome => Assert.True(outcome.Succeeded));
        Assert.All(outcomes.Skip(20).Take(20), static outcome => Assert.False(outcome.Succeeded));
        Assert.Equal(ShardStatus.ConditionFailed, outcomes[^1].Status);
        Assert.InRange(_engines.BytesRead, ValueBytes, ValueBytes + (64 << 10));
    }

    [Fact]
    public void A_hash_is_that_of_the_value_at_the_moment_of_the_compare()
    {
        TxnCommand If(byte[] hash) => new([new(Space, Bytes("large"), Condition.ValueSha256Equals(hash))], [], []);

        var outcomes = _shard.Apply(
            If(_hash), Put("large", "new"), If(_hash), If(SHA256.HashData("new"u8)), Delete("large"), If(SHA256.HashData("new"u8)),
            Put("large", "new") with { Expiry = Expiry.At(1_000) }, If(SHA256.HashData("new"u8)),
            new TxnCommand([], [new TxnPut(Space, Bytes("large"), Bytes("a")), new TxnPut(Space, Bytes("large"), Bytes("b"))], []), If(SHA256.HashData("b"u8)));

        // The shard's clock is at 1,000, so the third value is never visible.
        Assert.Equal([true, false, true, false, false, true], new[] { 0, 2, 3, 5, 7, 9 }.Select(i => outcomes[i].Succeeded));
    }

    [Fact]
    public void Commands_that_need_no_bytes_of_a_large_value_read_none()
    {
        var outcomes = _shard.Apply(
            new IncrementCommand(Space, Bytes("large"), 1),
            new TxnCommand([], [new TxnIncrement(Space, Bytes("large"), 1)], []),
            Delete("large") with { Condition = Condition.ValueEquals(Bytes("short")) },
            new TxnCommand([.. Enumerable.Repeat(new TxnCompare(Space, Bytes("larger"), Condition.ValueEquals(new byte[ValueBytes])), 2)], [], []),
            Put("large", "1") with { ReturnPrevious = true, AnswerBytesMax = 100 },
            Put("large", "1") with { Condition = Condition.Absent, ReturnCurrent = true, AnswerBytesMax = 100 },
            new TxnCommand([], [new TxnGet(Space, Bytes("large"))], []) { AnswerBytesMax = 100 },
            new TouchCommand(Space, Bytes("large"), Expiry.Never) { Condition = Condition.VersionEquals(77) });

        Assert.Equal(
            [RefusalReason.NotANumber, RefusalReason.NotANumber, RefusalReason.None, RefusalReason.None, RefusalReason.AnswerTooLarge, RefusalReason.AnswerTooLarge, RefusalReason.AnswerTooLarge, RefusalReason.None],
            outcomes.Select(static outcome => outcome.Reason));
        Assert.Equal([ShardStatus.ConditionFailed, ShardStatus.ConditionFailed], [outcomes[2].Status, outcomes[7].Status]);
        Assert.False(outcomes[3].Succeeded);
        Assert.Equal(ValueBytes + ShardLimits.AnswerOverheadBytes, outcomes[4].Affected);
        Assert.InRange(_engines.BytesRead, 0, 64 << 10);
    }

    [Theory]
    [InlineData("-9223372036854775808", ShardStatus.Applied)]
    [InlineData("00000000000000000001", ShardStatus.Applied)]
    [InlineData("000000000000000000001", ShardStatus.Refused)]
    public void A_number_has_at_most_twenty_bytes(string text, ShardStatus expected)
    {
        _shard.Apply(Put("n", text));
        Assert.Equal(expected, _shard.Apply(new IncrementCommand(Space, Bytes("n"), 1)).Status);
    }
}
