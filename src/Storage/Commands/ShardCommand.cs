using KvRaft.Storage.Schema;
using KvRaft.Storage.Shards;

namespace KvRaft.Storage.Commands;

/// <summary>
/// One operation on a shard, as a proposal carries it. <see cref="CommandCodec"/> encodes it for the log, and <see cref="ShardStateMachine"/>
/// applies it and returns a <see cref="ShardOutcome"/>.
/// <para>
/// An <see cref="Expiry"/> states when a value expires; apply converts a time-to-live to an instant. Keys and values are raw bytes; <see
/// cref="ShardLimits"/> bounds their lengths.
/// </para>
/// </summary>
public abstract record ShardCommand
{
    /// <summary>The id that the writer gave this write; a command that carries one is applied at most once.</summary>
    public RequestStamp Stamp { get; init; }

    /// <summary>
    /// Bytes of values (and <see cref="ShardLimits.AnswerOverheadBytes"/> for each) that the proposer accepts in the answer. If the answer would hold
    /// more, every replica refuses the command with <see cref="RefusalReason.AnswerTooLarge"/> and changes nothing. The limit is part of the command, because
    /// replicas with different options must refuse the same commands. It is not part of the request of the writer, so a retry may carry another limit.
    /// </summary>
    public int AnswerBytesMax { get; init; } = ShardLimits.AnswerBytesMax;
}

/// <summary>Writes a value; replaces the previous value and its expiry.</summary>
public sealed record PutCommand(KeyspaceId Keyspace, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value) : ShardCommand
{
    public Condition Condition { get; init; }

    public Expiry Expiry { get; init; }

    /// <summary>Return the previous value as well; if the condition failed, return the current value.</summary>
    public bool ReturnPrevious { get; init; }

    /// <summary>Return the current value if the condition failed, and only then.</summary>
    public bool ReturnCurrent { get; init; }
}

/// <summary>Removes a key. If the key is absent, the delete is applied, with <see cref="ShardOutcome.PreviousVersion"/> 0.</summary>
public sealed record DeleteCommand(KeyspaceId Keyspace, ReadOnlyMemory<byte> Key) : ShardCommand
{
    public Condition Condition { get; init; }

    /// <inheritdoc cref="PutCommand.ReturnPrevious"/>
    public bool ReturnPrevious { get; init; }

    /// <inheritdoc cref="PutCommand.ReturnCurrent"/>
    public bool ReturnCurrent { get; init; }
}

/// <summary>
/// Gives an existing key another expiry (<see cref="Expiry.Never"/> makes it permanent) and, like any write, a new version. If the key is absent, the result is
/// <see cref="ShardStatus.ConditionFailed"/>.
/// </summary>
public sealed record TouchCommand(KeyspaceId Keyspace, ReadOnlyMemory<byte> Key, Expiry Expiry) : ShardCommand
{
    public Condition Condition { get; init; }
}

/// <summary>
/// Adds to a number stored as decimal text. An absent key counts as <see cref="Initial"/> before the addition and takes
/// <see cref="Expiry"/>; an existing one keeps its expiry. If the result is outside [<see cref="Min"/>, <see cref="Max"/>] or the value
/// is not a number, the increment is refused and changes nothing.
/// </summary>
public sealed record IncrementCommand(KeyspaceId Keyspace, ReadOnlyMemory<byte> Key, long Delta) : ShardCommand
{
    public long Initial { get; init; }

    public long Min { get; init; } = long.MinValue;

    public long Max { get; init; } = long.MaxValue;

    public Condition Condition { get; init; }

    public Expiry Expiry { get; init; }
}

/// <summary>
/// Deletes keys of [<see cref="From"/>, <see cref="To"/>) in order, at most <see cref="KeysMax"/> in this entry; the outcome holds
/// where to continue (<see cref="ShardOutcome.ResumeKey"/>). An empty <see cref="To"/> means the end of the keyspace.
/// </summary>
public sealed record DeleteRangeCommand(KeyspaceId Keyspace, ReadOnlyMemory<byte> From, ReadOnlyMemory<byte> To, int KeysMax) : ShardCommand
{
    /// <summary>
    /// Refuse, with <see cref="RefusalReason.RangeTooLarge"/>, instead of deleting a part: readers see all keys of the range or
    /// none. Expired keys that are not purged yet count as well.
    /// </summary>
    public bool AllOrNothing { get; init; }
}

/// <summary>Deletes all keys of a keyspace in this shard, in one step, whatever their number.</summary>
public sealed record DropKeyspaceCommand(KeyspaceId Keyspace) : ShardCommand;

/// <summary>
/// Advances the time only: the entry's <see cref="CommittedEntry.ProposedAtMs"/> moves the clock of the shard, and up to
/// <see cref="RowsMax"/> expired keys and idle sessions are purged. The command carries the bound, so that all
/// replicas purge alike, whatever their options are.
/// </summary>
public sealed record TickCommand(int RowsMax) : ShardCommand;
