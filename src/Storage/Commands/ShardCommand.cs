namespace KvRaft.Storage.Commands;

/// <summary>
/// One operation on a shard, as a proposal carries it. <see cref="CommandCodec"/> encodes it for the log, and the shard's state machine
/// applies it and returns a <see cref="ShardOutcome"/>. Each command is one file: its fields, its bytes, and its effect.
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

    internal abstract CommandKind Kind { get; }

    /// <summary>Writes what <see cref="CommandKinds"/> reads for this kind.</summary>
    /// <exception cref="ArgumentException">The command breaks a limit of <see cref="ShardLimits"/>.</exception>
    internal abstract void WriteBody(CommandWriter body);

    /// <summary>The effect on the state after the commands before it: the same on every replica.</summary>
    internal abstract ShardOutcome Apply(IApplyScope shard);
}
