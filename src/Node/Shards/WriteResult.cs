using KvRaft.Node.Requests;
using KvRaft.Storage;
using KvRaft.Storage.Commands;

namespace KvRaft.Node.Shards;

/// <summary>The outcome of a write on one replica, with its index in the log, or a failure.</summary>
internal readonly record struct WriteResult(ShardOutcome? Outcome, LogPosition Position, Failure? Failure)
{
    public static implicit operator WriteResult(Failure failure) => new(null, default, failure);
}
