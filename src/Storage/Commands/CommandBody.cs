using KvRaft.Storage.Schema;

namespace KvRaft.Storage.Commands;

/// <summary>The part of an encoded command that differs by kind; <see cref="CommandCodec"/> has the table.</summary>
internal static class CommandBody
{
    private const byte ReturnPreviousOption = 2;
    private const byte ReturnCurrentOption = 4;
    private const byte OperationGet = 1;
    private const byte OperationPut = 2;
    private const byte OperationDelete = 3;
    private const byte OperationIncrement = 4;

    public static CommandKind Write(ByteWriter writer, List<Expiry> expiries, ShardCommand command)
    {
        switch (command)
        {
            case PutCommand put:
                expiries.Add(put.Expiry);
                WriteOptions(writer, put.ReturnPrevious, put.ReturnCurrent);
                WriteKey(writer, put.Keyspace, put.Key);
                WriteValue(writer, put.Value);
                WriteCondition(writer, put.Condition);
                return CommandKind.Put;
            case DeleteCommand delete:
                WriteOptions(writer, delete.ReturnPrevious, delete.ReturnCurrent);
                WriteKey(writer, delete.Keyspace, delete.Key);
                WriteCondition(writer, delete.Condition);
                return CommandKind.Delete;
            case TouchCommand touch:
                expiries.Add(touch.Expiry);
                WriteOptions(writer);
                WriteKey(writer, touch.Keyspace, touch.Key);
                WriteCondition(writer, touch.Condition);
                return CommandKind.Touch;
            case IncrementCommand add:
                expiries.Add(add.Expiry);
                WriteOptions(writer);
                WriteKey(writer, add.Keyspace, add.Key);
                WriteAddition(writer, add.Delta, add.Initial, add.Min, add.Max);
                WriteCondition(writer, add.Condition);
                return CommandKind.Increment;
            case TxnCommand txn:
                WriteTxn(writer, expiries, txn);
                return CommandKind.Txn;
            case DeleteRangeCommand range:
                WriteRange(writer, range);
                return range.AllOrNothing ? CommandKind.DeleteWholeRange : CommandKind.DeleteRange;
            case DropKeyspaceCommand drop:
                writer.VarUInt(drop.Keyspace.Value);
                return CommandKind.DropKeyspace;
            case TickCommand tick:
                ThrowUnlessWithin(tick.RowsMax, ShardLimits.TickRowsMax, "rows in a tick");
                writer.VarUInt((ulong)tick.RowsMax);
                return CommandKind.Tick;
            default:
                throw new ArgumentException($"{command.GetType()} has no encoding.", nameof(command));
        }
    }

    /// <summary>Null, or a failed reader, when the body is not of this kind.</summary>
    public static ShardCommand? Read(ref ByteReader reader, ExpiryQueue expiries, CommandKind kind)
    {
        switch (kind)
        {
            case CommandKind.Put:
                {
                    var returns = ReadOptions(ref reader);
                    var (keyspace, key) = ReadKey(ref reader);
                    var value = reader.Bytes(ShardLimits.ValueBytesMax);
                    return new PutCommand(keyspace, key, value)
                    {
                        Expiry = expiries.Next(ref reader),
                        ReturnPrevious = (returns & ReturnPreviousOption) != 0,
                        ReturnCurrent = (returns & ReturnCurrentOption) != 0,
                        Condition = ReadCondition(ref reader),
                    };
                }

            case CommandKind.Delete:
                {
                    var returns = ReadOptions(ref reader);
                    var (keyspace, key) = ReadKey(ref reader);
                    return new DeleteCommand(keyspace, key)
                    {
                        ReturnPrevious = (returns & ReturnPreviousOption) != 0,
                        ReturnCurrent = (returns & ReturnCurrentOption) != 0,
                        Condition = ReadCondition(ref reader),
                    };
                }

            case CommandKind.Touch:
                {
                    var returns = ReadOptions(ref reader);
                    var (keyspace, key) = ReadKey(ref reader);
                    return returns != 0 ? null : new TouchCommand(keyspace, key, expiries.Next(ref reader)) { Condition = ReadCondition(ref reader) };
                }

            case CommandKind.Increment:
                {
                    var returns = ReadOptions(ref reader);
                    var (keyspace, key) = ReadKey(ref reader);
                    var (delta, initial, min, max) = ReadAddition(ref reader);
                    return returns != 0 ? null : new IncrementCommand(keyspace, key, delta)
                    {
                        Initial = initial,
                        Min = min,
                        Max = max,
                        Expiry = expiries.Next(ref reader),
                        Condition = ReadCondition(ref reader),
                    };
                }

            case CommandKind.Txn:
                return ReadTxn(ref reader, expiries);
            case CommandKind.DeleteRange:
                return ReadRange(ref reader);
            case CommandKind.DeleteWholeRange:
                return ReadRange(ref reader) is { } range ? range with { AllOrNothing = true } : null;
            case CommandKind.DropKeyspace:
                return new DropKeyspaceCommand(ReadKeyspace(ref reader));
            case CommandKind.Tick:
                return new TickCommand(reader.VarInt(ShardLimits.TickRowsMax));
            default:
                return null;
        }
    }

    private static void WriteTxn(ByteWriter writer, List<Expiry> expiries, TxnCommand txn)
    {
        ThrowUnlessWithin(txn.Compares.Count + txn.Then.Count + txn.Else.Count, ShardLimits.TxnOperationsMax, "operations in a transaction");
        writer.VarUInt((ulong)txn.Compares.Count);
        foreach (var compare in txn.Compares)
        {
            WriteKey(writer, compare.Keyspace, compare.Key);
            WriteCondition(writer, compare.Condition);
        }

        WriteOperations(writer, expiries, txn.Then);
        WriteOperations(writer, expiries, txn.Else);
    }

    private static TxnCommand? ReadTxn(ref ByteReader reader, ExpiryQueue expiries)
    {
        var compares = new TxnCompare[reader.VarInt(ShardLimits.TxnOperationsMax)];
        for (var i = 0; i < compares.Length && !reader.Failed; i++)
        {
            var (keyspace, key) = ReadKey(ref reader);
            compares[i] = new(keyspace, key, ReadCondition(ref reader));
        }

        var then = ReadOperations(ref reader, expiries);
        var otherwise = ReadOperations(ref reader, expiries);
        return then is null || otherwise is null || compares.Length + then.Length + otherwise.Length > ShardLimits.TxnOperationsMax
            ? null
            : new TxnCommand(compares, then, otherwise);
    }

    private static void WriteOperations(ByteWriter writer, List<Expiry> expiries, IReadOnlyList<TxnOperation> operations)
    {
        writer.VarUInt((ulong)operations.Count);
        foreach (var operation in operations)
        {
            var (type, expiry, returnPrevious) = operation switch
            {
                TxnGet => (OperationGet, default(Expiry?), false),
                TxnPut put => (OperationPut, put.Expiry, put.ReturnPrevious),
                TxnDelete delete => (OperationDelete, null, delete.ReturnPrevious),
                TxnIncrement add => (OperationIncrement, add.Expiry, false),
                _ => throw new ArgumentException($"{operation.GetType()} has no encoding.", nameof(operations)),
            };
            if (expiry is { } taken)
            {
                expiries.Add(taken);
            }

            writer.Byte(type);
            WriteOptions(writer, returnPrevious);
            WriteKey(writer, operation.Keyspace, operation.Key);
            if (operation is TxnPut write)
            {
                WriteValue(writer, write.Value);
            }
            else if (operation is TxnIncrement addition)
            {
                WriteAddition(writer, addition.Delta, addition.Initial, addition.Min, addition.Max);
            }
        }
    }

    private static TxnOperation[]? ReadOperations(ref ByteReader reader, ExpiryQueue expiries)
    {
        var operations = new TxnOperation[reader.VarInt(ShardLimits.TxnOperationsMax)];
        for (var i = 0; i < operations.Length; i++)
        {
            var type = reader.Byte();
            var returns = ReadOptions(ref reader);
            var (keyspace, key) = ReadKey(ref reader);
            var returnPrevious = (returns & ReturnPreviousOption) != 0;
            TxnOperation? operation = type switch
            {
                OperationGet when !returnPrevious => new TxnGet(keyspace, key),
                OperationPut => new TxnPut(keyspace, key, reader.Bytes(ShardLimits.ValueBytesMax)) { Expiry = expiries.Next(ref reader), ReturnPrevious = returnPrevious },
                OperationDelete => new TxnDelete(keyspace, key) { ReturnPrevious = returnPrevious },
                OperationIncrement when !returnPrevious => ReadIncrement(ref reader, keyspace, key, expiries.Next(ref reader)),
                _ => null,
            };
            if (operation is null || (returns & ReturnCurrentOption) != 0 || reader.Failed)
            {
                return null;
            }

            operations[i] = operation;
        }

        return operations;
    }

    private static TxnIncrement ReadIncrement(ref ByteReader reader, KeyspaceId keyspace, ReadOnlyMemory<byte> key, Expiry expiry)
    {
        var (delta, initial, min, max) = ReadAddition(ref reader);
        return new(keyspace, key, delta) { Initial = initial, Min = min, Max = max, Expiry = expiry };
    }

    private static void WriteRange(ByteWriter writer, DeleteRangeCommand range)
    {
        ThrowUnlessWithin(range.From.Length, ShardLimits.KeyBytesMax, "bytes in a key");
        ThrowUnlessWithin(range.To.Length, ShardLimits.KeyBytesMax, "bytes in a key");
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(range.KeysMax);
        ThrowUnlessWithin(range.KeysMax, ShardLimits.DeleteRangeKeysMax, "keys in a range deletion");
        writer.VarUInt(range.Keyspace.Value);
        writer.Bytes(range.From.Span);
        writer.Bytes(range.To.Span);
        writer.VarUInt((ulong)range.KeysMax);
    }

    private static DeleteRangeCommand? ReadRange(ref ByteReader reader)
    {
        var keyspace = ReadKeyspace(ref reader);
        var from = reader.Bytes(ShardLimits.KeyBytesMax);
        var to = reader.Bytes(ShardLimits.KeyBytesMax);
        var keysMax = reader.VarInt(ShardLimits.DeleteRangeKeysMax);
        return keysMax == 0 ? null : new(keyspace, from, to, keysMax);
    }

    private static void WriteOptions(ByteWriter writer, bool returnPrevious = false, bool returnCurrent = false) =>
        writer.Byte((byte)((returnPrevious ? ReturnPreviousOption : 0) | (returnCurrent ? ReturnCurrentOption : 0)));

    private static int ReadOptions(ref ByteReader reader)
    {
        var options = reader.Byte();
        if ((options & ~(ReturnPreviousOption | ReturnCurrentOption)) != 0)
        {
            reader.Fail();
        }

        return options;
    }

    private static void WriteKey(ByteWriter writer, KeyspaceId keyspace, ReadOnlyMemory<byte> key)
    {
        ThrowUnlessWithin(key.Length, ShardLimits.KeyBytesMax, "bytes in a key");
        writer.VarUInt(keyspace.Value);
        writer.Bytes(key.Span);
    }

    private static (KeyspaceId Keyspace, ReadOnlyMemory<byte> Key) ReadKey(ref ByteReader reader) =>
        (ReadKeyspace(ref reader), reader.Bytes(ShardLimits.KeyBytesMax));

    private static KeyspaceId ReadKeyspace(ref ByteReader reader)
    {
        var value = reader.VarUInt();
        return new((uint)(value <= uint.MaxValue ? value : reader.Fail()));
    }

    private static void WriteValue(ByteWriter writer, ReadOnlyMemory<byte> value)
    {
        ThrowUnlessWithin(value.Length, ShardLimits.ValueBytesMax, "bytes in a value");
        writer.Bytes(value.Span);
    }

    private static void WriteAddition(ByteWriter writer, long delta, long initial, long min, long max)
    {
        writer.VarSigned(delta);
        writer.VarSigned(initial);
        writer.Int64(min);
        writer.Int64(max);
    }

    private static (long Delta, long Initial, long Min, long Max) ReadAddition(ref ByteReader reader) =>
        (reader.VarSigned(), reader.VarSigned(), reader.Int64(), reader.Int64());

    private static void WriteCondition(ByteWriter writer, Condition condition)
    {
        writer.Byte((byte)condition.Kind);
        switch (condition.Kind)
        {
            case ConditionKind.VersionEquals:
                writer.VarUInt((ulong)condition.Version);
                break;
            case ConditionKind.ValueEquals:
                WriteValue(writer, condition.Value);
                break;
            case ConditionKind.ValueSha256Equals:
                writer.Raw(condition.Value.Span);
                break;
        }
    }

    private static Condition ReadCondition(ref ByteReader reader)
    {
        switch ((ConditionKind)reader.Byte())
        {
            case ConditionKind.None:
                return Condition.None;
            case ConditionKind.Absent:
                return Condition.Absent;
            case ConditionKind.Present:
                return Condition.Present;
            case ConditionKind.VersionEquals when (long)reader.VarUInt() is > 0 and var version:
                return Condition.VersionEquals(version);
            case ConditionKind.ValueEquals:
                return Condition.ValueEquals(reader.Bytes(ShardLimits.ValueBytesMax));
            case ConditionKind.ValueSha256Equals when reader.Raw(Condition.Sha256Bytes) is { IsEmpty: false } hash:
                return Condition.ValueSha256Equals(hash);
            default:
                reader.Fail();
                return Condition.None;
        }
    }

    private static void ThrowUnlessWithin(int actual, int max, string what)
    {
        if (actual < 0 || actual > max)
        {
            throw new ArgumentException($"{actual} {what}; the limit is {max}.");
        }
    }
}
