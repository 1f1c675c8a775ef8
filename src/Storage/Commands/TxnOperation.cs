using KvRaft.Storage.Schema;

namespace KvRaft.Storage.Commands;

/// <summary>One operation of a <see cref="TxnCommand"/>.</summary>
public abstract record TxnOperation(KeyspaceId Keyspace, ReadOnlyMemory<byte> Key)
{
    /// <summary>The type byte. A number is never reused.</summary>
    internal abstract byte Type { get; }

    /// <summary>Its answer holds the value that it finds.</summary>
    internal virtual bool AnswersValue => false;

    internal static TxnOperation? ReadBody(ref CommandReader body)
    {
        var type = body.Byte();
        var (previous, current) = body.Options();
        var (keyspace, key) = (body.Keyspace(), body.Key());
        return current ? null : type switch
        {
            TxnGet.Number when !previous => new TxnGet(keyspace, key),
            TxnPut.Number => new TxnPut(keyspace, key, body.Value()) { Expiry = body.Expiry(), ReturnPrevious = previous },
            TxnDelete.Number => new TxnDelete(keyspace, key) { ReturnPrevious = previous },
            TxnIncrement.Number when !previous => TxnIncrement.Read(ref body, keyspace, key),
            _ => null,
        };
    }

    internal void WriteBody(CommandWriter body)
    {
        body.Byte(Type);
        body.Options(returnPrevious: AnswersValue && this is not TxnGet);
        body.Key(Keyspace, Key);
        WriteFields(body);
    }

    /// <summary>Executes it, unless the answer grows too large.</summary>
    internal (RefusalReason Refusal, TxnResult Result) Run(IApplyScope shard, TxnAnswer answer, long version)
    {
        var current = shard.FindHead(Keyspace, Key.Span);
        StoredValue? value = null;
        if (AnswersValue && current is { } found)
        {
            if (!answer.TryAdd(found))
            {
                return (RefusalReason.AnswerTooLarge, default);
            }

            value = answer.IsKept ? shard.Find(Keyspace, Key.Span) : null;
        }

        var (refusal, counter) = Change(shard, current, version);
        return (refusal, new(current?.Version ?? 0, value, counter));
    }

    private protected virtual void WriteFields(CommandWriter body)
    {
    }

    /// <summary>Its effect, and the result of an increment.</summary>
    private protected abstract (RefusalReason Refusal, long Counter) Change(IApplyScope shard, RowHead? current, long version);
}

/// <summary>Reads the key after the earlier operations of the transaction.</summary>
public sealed record TxnGet(KeyspaceId Keyspace, ReadOnlyMemory<byte> Key) : TxnOperation(Keyspace, Key)
{
    internal const byte Number = 1;

    internal override byte Type => Number;

    internal override bool AnswersValue => true;

    private protected override (RefusalReason Refusal, long Counter) Change(IApplyScope shard, RowHead? current, long version) => default;
}

/// <inheritdoc cref="PutCommand"/>
public sealed record TxnPut(KeyspaceId Keyspace, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value) : TxnOperation(Keyspace, Key)
{
    internal const byte Number = 2;

    public Expiry Expiry { get; init; }

    /// <summary>Return the value that the operation replaces.</summary>
    public bool ReturnPrevious { get; init; }

    internal override byte Type => Number;

    internal override bool AnswersValue => ReturnPrevious;

    private protected override void WriteFields(CommandWriter body)
    {
        body.Expiry(Expiry);
        body.Value(Value);
    }

    private protected override (RefusalReason Refusal, long Counter) Change(IApplyScope shard, RowHead? current, long version)
    {
        shard.Put(Keyspace, Key.Span, Value.Span, version, shard.InstantOf(Expiry));
        return default;
    }
}

/// <inheritdoc cref="DeleteCommand"/>
public sealed record TxnDelete(KeyspaceId Keyspace, ReadOnlyMemory<byte> Key) : TxnOperation(Keyspace, Key)
{
    internal const byte Number = 3;

    /// <inheritdoc cref="TxnPut.ReturnPrevious"/>
    public bool ReturnPrevious { get; init; }

    internal override byte Type => Number;

    internal override bool AnswersValue => ReturnPrevious;

    private protected override (RefusalReason Refusal, long Counter) Change(IApplyScope shard, RowHead? current, long version)
    {
        shard.Remove(Keyspace, Key.Span);
        return default;
    }
}

/// <inheritdoc cref="IncrementCommand"/>
public sealed record TxnIncrement(KeyspaceId Keyspace, ReadOnlyMemory<byte> Key, long Delta) : TxnOperation(Keyspace, Key)
{
    internal const byte Number = 4;

    public long Initial { get; init; }

    public long Min { get; init; } = long.MinValue;

    public long Max { get; init; } = long.MaxValue;

    public Expiry Expiry { get; init; }

    internal override byte Type => Number;

    internal static TxnIncrement Read(ref CommandReader body, KeyspaceId keyspace, ReadOnlyMemory<byte> key)
    {
        var addition = body.Addition();
        return new(keyspace, key, addition.Delta) { Initial = addition.Initial, Min = addition.Min, Max = addition.Max, Expiry = body.Expiry() };
    }

    private protected override void WriteFields(CommandWriter body)
    {
        body.Expiry(Expiry);
        body.Addition(new(Delta, Initial, Min, Max));
    }

    private protected override (RefusalReason Refusal, long Counter) Change(IApplyScope shard, RowHead? current, long version)
    {
        var sum = shard.Add(Keyspace, Key.Span, current, new(Delta, Initial, Min, Max));
        if (sum.Refusal == RefusalReason.None)
        {
            shard.Put(Keyspace, Key.Span, Counter.Format(sum.Value), version, current?.ExpireAtMs ?? shard.InstantOf(Expiry));
        }

        return (sum.Refusal, sum.Value);
    }
}

/// <summary>The values in the answer of one transaction.</summary>
internal sealed class TxnAnswer(TxnCommand txn, IApplyScope shard)
{
    /// <summary>Bytes up to the last value that was added, the one that passed the limit included.</summary>
    public long Bytes { get; private set; }

    /// <summary>If no caller waits, values are kept only while all of them may be remembered.</summary>
    public bool IsKept => shard.AnswersWanted || Bytes <= ShardLimits.RememberedValueBytesMax + (ShardLimits.AnswerOverheadBytes * ShardLimits.TxnOperationsMax);

    /// <summary>False: the answer would be too large. Called before the bytes of the value are read.</summary>
    public bool TryAdd(RowHead value) => (Bytes += value.ValueBytes + ShardLimits.AnswerOverheadBytes) <= txn.AnswerBytesMax;
}
