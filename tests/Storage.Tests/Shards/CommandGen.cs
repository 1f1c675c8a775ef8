using System.Security.Cryptography;
using CsCheck;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Schema;
using static KvRaft.Storage.Tests.Shards.Replica;

namespace KvRaft.Storage.Tests.Shards;

/// <summary>Random commands over few keys, values, times and writers, so that they interact.</summary>
internal static class CommandGen
{
    private static readonly Gen<KeyspaceId> Keyspace = Gen.Int[7, 8].Select(id => new KeyspaceId((uint)id));

    private static readonly Gen<ReadOnlyMemory<byte>> Key = Gen.Int[0, 5].Select(i => Bytes(new string('k', i % 3) + (char)('a' + i)));

    private static readonly Gen<ReadOnlyMemory<byte>> Value = Gen.Frequency(
        (3, Gen.Int[-3, 12].Select(i => Bytes($"{i}"))),
        (2, Gen.Int[0, 3].Select(i => Bytes(new string('x', i)))),
        (1, Gen.Const(Bytes(new string('y', 1_100)))));

    private static readonly Gen<Expiry> Expiry = Gen.Frequency(
        (2, Gen.Const(KvRaft.Storage.Commands.Expiry.Never)),
        (2, Gen.Long[1, 60].Select(step => KvRaft.Storage.Commands.Expiry.At(step * 100))),
        (2, Gen.Long[1, 30].Select(step => KvRaft.Storage.Commands.Expiry.After(step * 100))),
        (2, Gen.Long[1, 30].Select(step => KvRaft.Storage.Commands.Expiry.AfterByDefault(step * 100))));

    private static readonly Gen<Condition> Condition = Gen.Frequency(
        (4, Gen.Const(KvRaft.Storage.Commands.Condition.None)),
        (1, Gen.Const(KvRaft.Storage.Commands.Condition.Absent)),
        (1, Gen.Const(KvRaft.Storage.Commands.Condition.Present)),
        (1, Gen.Long[1, 12].Select(KvRaft.Storage.Commands.Condition.VersionEquals)),
        (1, Value.Select(KvRaft.Storage.Commands.Condition.ValueEquals)),
        (1, Value.Select(value => KvRaft.Storage.Commands.Condition.ValueSha256Equals(SHA256.HashData(value.Span)))));

    private static readonly Gen<ShardCommand> Increment =
        Gen.Select(Keyspace, Key, Gen.Long[-5, 5], Gen.Long[0, 5], Condition, Expiry).Select((keyspace, key, delta, initial, condition, expiry) =>
            (ShardCommand)new IncrementCommand(keyspace, key, delta)
            {
                Initial = initial,
                Min = -2,
                Max = 12,
                Condition = condition,
                Expiry = expiry,
            });

    private static readonly Gen<TxnOperation> Operation =
        Gen.Select(Gen.Int[0, 4], Keyspace, Key, Value, Expiry, Gen.Bool).Select((kind, keyspace, key, value, expiry, previous) => kind switch
        {
            0 => new TxnGet(keyspace, key),
            1 or 2 => new TxnPut(keyspace, key, value) { Expiry = expiry, ReturnPrevious = previous },
            3 => new TxnDelete(keyspace, key) { ReturnPrevious = previous },
            _ => (TxnOperation)new TxnIncrement(keyspace, key, value.Length) { Min = 0, Max = 10, Expiry = expiry },
        });

    private static readonly Gen<ShardCommand> Txn =
        Gen.Select(Gen.Select(Keyspace, Key, Condition).Array[0, 2], Operation.Array[0, 4], Operation.Array[0, 3]).Select((compares, then, otherwise) =>
            (ShardCommand)new TxnCommand([.. compares.Select(c => new TxnCompare(c.Item1, c.Item2, c.Item3))], then, otherwise));

    private static readonly Gen<ShardCommand> Range =
        Gen.Select(Keyspace, Key, Key, Gen.Int[1, 4], Gen.Bool, Gen.Bool).Select((keyspace, from, to, max, open, whole) =>
            (ShardCommand)new DeleteRangeCommand(keyspace, from, open ? default : to, max) { AllOrNothing = whole });

    private static readonly Gen<RequestStamp> Stamp =
        Gen.Select(Gen.Int[0, 3], Gen.Int[1, 9], Gen.Int[0, 3]).Select((client, sequence, behind) => client == 0
            ? RequestStamp.None
            : new(Client(client), (ulong)sequence, (ulong)Math.Max(0, sequence - behind)));

    public static readonly Gen<ShardCommand> Any = Gen.Select(
        Gen.Frequency(
            (6, Gen.Select(Keyspace, Key, Value, Condition, Expiry, Gen.Bool, Gen.Bool).Select((keyspace, key, value, condition, expiry, previous, current) =>
                (ShardCommand)new PutCommand(keyspace, key, value) { Condition = condition, Expiry = expiry, ReturnPrevious = previous, ReturnCurrent = current })),
            (3, Gen.Select(Keyspace, Key, Condition, Gen.Bool, Gen.Bool).Select((keyspace, key, condition, previous, current) =>
                (ShardCommand)new DeleteCommand(keyspace, key) { Condition = condition, ReturnPrevious = previous, ReturnCurrent = current })),
            (2, Gen.Select(Keyspace, Key, Expiry, Condition).Select((keyspace, key, expiry, condition) =>
                (ShardCommand)new TouchCommand(keyspace, key, expiry) { Condition = condition })),
            (2, Increment),
            (3, Txn),
            (1, Range),
            (1, Keyspace.Select(keyspace => (ShardCommand)new DropKeyspaceCommand(keyspace))),
            (3, Gen.Int[0, 3].Select(rows => (ShardCommand)new TickCommand(rows)))),
        Stamp,
        Gen.Frequency((3, Gen.Const(ShardLimits.AnswerBytesMax)), (1, Gen.Int[0, 1_300]))).Select((command, stamp, answerBytesMax) =>
            command with { Stamp = stamp, AnswerBytesMax = answerBytesMax });

    /// <summary>Entries with random commands and a clock that mostly advances and sometimes falls back.</summary>
    public static readonly Gen<(long NowMs, ShardCommand[] Commands)[]> Log =
        Gen.Select(Gen.Long[-150, 400], Any.Array[0, 4]).Array[1, 30].Select(steps =>
        {
            var now = 1_000L;
            return steps.Select(step => (now += step.Item1, step.Item2)).ToArray();
        });

    /// <summary>Test client number n; its id contains a creation time of n seconds.</summary>
    public static ClientId Client(int n) => new((new UInt128(0, (ulong)n * 1_000) << 80) | (new UInt128(0, 7) << 76) | (UInt128)n);

    public static CommittedEntry[] Entries((long NowMs, ShardCommand[] Commands)[] log) =>
    [
        .. log.Select((entry, i) => new CommittedEntry(
            new(1 + (i / 10), i + 1),
            entry.NowMs,
            [.. entry.Commands.Select(command => (ReadOnlyMemory<byte>)CommandCodec.Encode(command))])),
    ];
}
