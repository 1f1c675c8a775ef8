using KvRaft.Storage.Commands;
using KvRaft.V1;

namespace KvRaft.Node.ShardRequests;

/// <summary>A single-key operation that only reads: its answer is made from the record of its key.</summary>
internal abstract class SingleKeyRead : SingleKeyOperation
{
    public sealed override bool IsWrite => false;

    /// <summary>The requested consistency; null: linearizable.</summary>
    public abstract ReadOptions? OptionsOf(PipeCall call);

    /// <summary>The answer carries the value of the record that was found, so the value must be read whole.</summary>
    public abstract bool NeedsValue(PipeCall call, StoredValue found);

    /// <summary>The answer.</summary>
    /// <param name="call">The request of the caller.</param>
    /// <param name="found">The record, or null: the key is absent.</param>
    /// <param name="header">The answer's header.</param>
    public abstract PipeAnswer ToAnswer(PipeCall call, StoredValue? found, ResponseHeader header);
}
