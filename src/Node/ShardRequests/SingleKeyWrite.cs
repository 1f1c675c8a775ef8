using KvRaft.Node.Requests;
using KvRaft.Storage.Commands;
using KvRaft.Topology;
using KvRaft.V1;
using Condition = KvRaft.V1.Condition;

namespace KvRaft.Node.ShardRequests;

/// <summary>A single-key operation that writes: its call becomes a command of the log, and the outcome of the command becomes its answer.</summary>
/// <param name="needsRoom">See <see cref="NeedsRoom"/>.</param>
/// <param name="rewritesValue">See <see cref="RewritesValue"/>.</param>
internal abstract class SingleKeyWrite(bool needsRoom, bool rewritesValue = false) : SingleKeyOperation
{
    public sealed override bool IsWrite => true;

    /// <summary>It may make the store larger, and is refused when the disk is nearly full.</summary>
    public bool NeedsRoom => needsRoom;

    /// <summary>A call of a few bytes writes the whole present value again, on every replica.</summary>
    public bool RewritesValue => rewritesValue;

    /// <summary>Null if the write has none.</summary>
    public abstract Condition? ConditionOf(PipeCall call);

    /// <summary>The limit of the keyspace that forbids a call; null if there is none.</summary>
    /// <param name="nowMs">The time of the cluster, milliseconds since the Unix epoch.</param>
    public virtual Failure? CheckIn(KeyspaceDescriptor keyspace, PipeCall call, long nowMs) => null;

    /// <summary>
    /// The command of a checked call. A time-to-live stays one: the state machine adds it to the shard's clock. The memory of key and value is that of the request; nothing is copied
    /// before the log entry.
    /// </summary>
    /// <param name="call">The call.</param>
    /// <param name="keyspace">The keyspace of its key, with its default expiry.</param>
    /// <param name="shard">The shard that will apply it.</param>
    /// <param name="answerBytesMax">See <see cref="ShardCommand.AnswerBytesMax"/>.</param>
    public abstract ShardCommand ToCommand(PipeCall call, KeyspaceDescriptor keyspace, ShardId shard, int answerBytesMax);

    /// <summary>The answer of a write that reached the log.</summary>
    /// <param name="call">The request of the caller.</param>
    /// <param name="outcome">The outcome of the state machine.</param>
    /// <param name="header">The answer's header; the outcome adds to it.</param>
    public PipeAnswer ToAnswer(PipeCall call, ShardOutcome outcome, ResponseHeader header)
    {
        header.Deduplicated = outcome.Deduplicated;
        header.ValuesNotKept = outcome.ValueForgotten;
        return outcome.Status == ShardStatus.Refused
            ? ToAnswer(call, ShardRefusal.Of(outcome.Reason, HeaderOf(call), header))
            : ToAnswer(call, outcome, outcome.Status == ShardStatus.Applied, header);
    }

    /// <param name="applied">False: the condition failed.</param>
    protected abstract PipeAnswer ToAnswer(PipeCall call, ShardOutcome outcome, bool applied, ResponseHeader header);
}
