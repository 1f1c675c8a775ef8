using KvRaft.Storage.Schema;
using KvRaft.Storage.Shards;

namespace KvRaft.Storage.Commands;

/// <summary>
/// What one proposal asks of a shard. <see cref="CommandCodec"/> turns it into the bytes of the log, <see cref="ShardStateMachine"/>
/// applies it and answers a <see cref="ShardOutcome"/>.
/// <para>
/// A command says when a value ends by an <see cref="Expiry"/>; a time-to-live becomes an instant when the command is applied. Keys and values are raw bytes; lengths are bounded by <see cref="ShardLimits"/>.
/// </para>
/// </summary>
public abstract record ShardCommand
{
    /// <summary>The writer's name for this write; a command that carries it is applied at most once.</summary>
    public RequestStamp Stamp { get; init; }

    /// <summary>
    /// Bytes of values (and <see cref="ShardLimits.AnswerOverheadBytes"/> for each) that the proposer has room for in the answer. If the answer would hold
    /// more, every replica refuses the command with <see cref="RefusalReason.AnswerTooLarge"/> and does nothing. It travels with the command, because
    /// replicas whose options differ must agree on what they refuse; it is not part of what the writer asked for, so a repeat may carry another.
    /// </summary>
    public int AnswerBytesMax { get; init; } = ShardLimits.AnswerBytesMax;
}

/// <summary>Writes a value, replacing value and expiry of whatever was there.</summary>
public sealed record PutCommand(KeyspaceId Keyspace, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value) : ShardCommand
{
    public Condition Condition { get; init; }

    public Expiry Expiry { get; init; }

    /// <summary>Also answer the value found there before, or, if the condition failed, the value that is there.</summary>
    public bool ReturnPrevious { get; init; }

    /// <summary>Also answer the value that is there if the condition failed, and only then.</summary>
    public bool ReturnCurrent { get; init; }
}

/// <summary>Removes a key. Removing what is absent is applied, with <see cref="ShardOutcome.PreviousVersion"/> 0.</summary>
public sealed record DeleteCommand(KeyspaceId Keyspace, ReadOnlyMemory<byte> Key) : ShardCommand
{
    public Condition Condition { get; init; }

    /// <inheritdoc cref="PutCommand.ReturnPrevious"/>
    public bool ReturnPrevious { get; init; }

    /// <inheritdoc cref="PutCommand.ReturnCurrent"/>
    public bool ReturnCurrent { get; init; }
}

/// <summary>
/// Gives an existing key another expiry (<see cref="Expiry.Never"/> makes it permanent) and, like any write, a new version; an absent key makes it
/// <see cref="ShardStatus.ConditionFailed"/>.
/// </summary>
public sealed record TouchCommand(KeyspaceId Keyspace, ReadOnlyMemory<byte> Key, Expiry Expiry) : ShardCommand
{
    public Condition Condition { get; init; }
}

/// <summary>
/// Adds to a number kept as decimal text. An absent key counts as <see cref="Initial"/> before the addition and takes
/// <see cref="Expiry"/>; an existing one keeps its expiry. A result outside [<see cref="Min"/>, <see cref="Max"/>] or a value
/// that is no number is refused and changes nothing.
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
/// Deletes keys of [<see cref="From"/>, <see cref="To"/>) in order, at most <see cref="KeysMax"/> in this entry; the outcome says
/// where to go on (<see cref="ShardOutcome.ResumeKey"/>). An empty <see cref="To"/> means the end of the keyspace.
/// </summary>
public sealed record DeleteRangeCommand(KeyspaceId Keyspace, ReadOnlyMemory<byte> From, ReadOnlyMemory<byte> To, int KeysMax) : ShardCommand
{
    /// <summary>
    /// Refuse, with <see cref="RefusalReason.RangeTooLarge"/>, rather than delete a part: whoever reads sees all keys of the range or
    /// none. Expired keys that are not purged yet count, too.
    /// </summary>
    public bool AllOrNothing { get; init; }
}

/// <summary>Deletes everything a keyspace holds in this shard, in one step, whatever its size.</summary>
public sealed record DropKeyspaceCommand(KeyspaceId Keyspace) : ShardCommand;

/// <summary>
/// Only lets time pass: the entry's <see cref="CommittedEntry.ProposedAtMs"/> moves the shard's clock, and up to
/// <see cref="RowsMax"/> keys and sessions that the clock has passed are purged. The bound travels in the command so that all
/// replicas purge alike, whatever their options say.
/// </summary>
public sealed record TickCommand(int RowsMax) : ShardCommand;
