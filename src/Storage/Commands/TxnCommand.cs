using KvRaft.Storage.Schema;

namespace KvRaft.Storage.Commands;

/// <summary>
/// Changes several keys of one shard in one step: if every comparison holds, <see cref="Then"/> runs, otherwise <see cref="Else"/>.
/// Operations run in order and see the results of earlier ones; everything they write gets one version. If one of them is refused (an increment
/// out of bounds, an answer larger than <see cref="ShardCommand.AnswerBytesMax"/>), no part of the command is applied, and
/// <see cref="ShardOutcome.Reason"/> holds the reason.
/// At most <see cref="ShardLimits.TxnOperationsMax"/> comparisons and operations together.
/// </summary>
public sealed record TxnCommand(
    IReadOnlyList<TxnCompare> Compares,
    IReadOnlyList<TxnOperation> Then,
    IReadOnlyList<TxnOperation> Else) : ShardCommand;

/// <summary>One comparison of a <see cref="TxnCommand"/>.</summary>
public sealed record TxnCompare(KeyspaceId Keyspace, ReadOnlyMemory<byte> Key, Condition Condition);

/// <summary>One operation of a <see cref="TxnCommand"/>.</summary>
public abstract record TxnOperation(KeyspaceId Keyspace, ReadOnlyMemory<byte> Key);

/// <summary>Reads the key after the earlier operations of the transaction.</summary>
public sealed record TxnGet(KeyspaceId Keyspace, ReadOnlyMemory<byte> Key) : TxnOperation(Keyspace, Key);

/// <inheritdoc cref="PutCommand"/>
public sealed record TxnPut(KeyspaceId Keyspace, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value) : TxnOperation(Keyspace, Key)
{
    public Expiry Expiry { get; init; }

    /// <summary>Return the value that the operation replaces.</summary>
    public bool ReturnPrevious { get; init; }
}

/// <inheritdoc cref="DeleteCommand"/>
public sealed record TxnDelete(KeyspaceId Keyspace, ReadOnlyMemory<byte> Key) : TxnOperation(Keyspace, Key)
{
    /// <inheritdoc cref="TxnPut.ReturnPrevious"/>
    public bool ReturnPrevious { get; init; }
}

/// <inheritdoc cref="IncrementCommand"/>
public sealed record TxnIncrement(KeyspaceId Keyspace, ReadOnlyMemory<byte> Key, long Delta) : TxnOperation(Keyspace, Key)
{
    public long Initial { get; init; }

    public long Min { get; init; } = long.MinValue;

    public long Max { get; init; } = long.MaxValue;

    public Expiry Expiry { get; init; }
}
