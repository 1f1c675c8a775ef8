using KvRaft.Topology;
using KvRaft.Storage.Shards;
using KvRaft.V1;
using Condition = KvRaft.Storage.Shards.Condition;
using StoredKeyspaceId = KvRaft.Storage.Shards.KeyspaceId;
using Operation = KvRaft.V1.PipeCall.OperationOneofCase;

namespace KvRaft.Node.Operations;

/// <summary>
/// From the wire's words to the log's. Runs on the leader, which is where a time-to-live becomes an instant: every replica then
/// agrees on it. The memory of keys and values is the request's own; nothing is copied before the log entry.
/// </summary>
internal static class SingleKeyCommands
{
    /// <summary>The command of a checked write.</summary>
    /// <param name="call">A call that passed <see cref="RequestCheck"/>.</param>
    /// <param name="keyspace">Where its key lives, and its default expiry.</param>
    /// <param name="nowMs">The leader's wall clock, milliseconds since the Unix epoch.</param>
    /// <param name="shard">The shard that will apply it.</param>
    public static ShardCommand ToCommand(PipeCall call, KeyspaceDescriptor keyspace, long nowMs, ShardId shard)
    {
        var id = new StoredKeyspaceId(keyspace.Id.Value);
        switch (call.OperationCase)
        {
            case Operation.Put:
                var put = call.Put;
                return new PutCommand(id, put.Key.Memory, put.Value.Memory)
                {
                    Stamp = ToStamp(put.Header, shard),
                    Condition = ToCondition(put.Condition),
                    ExpireAtMs = ExpireAtMs(put.Options, keyspace, nowMs),
                    ReturnPrevious = WantsPrevious(put.Options, put.Condition),
                };
            case Operation.Delete:
                var delete = call.Delete;
                return new DeleteCommand(id, delete.Key.Memory)
                {
                    Stamp = ToStamp(delete.Header, shard),
                    Condition = ToCondition(delete.Condition),
                    ReturnPrevious = WantsPrevious(delete.Options, delete.Condition),
                };
            case Operation.Increment:
                var add = call.Increment;
                return new IncrementCommand(id, add.Key.Memory, add.Delta)
                {
                    Stamp = ToStamp(add.Header, shard),
                    Initial = add.Initial,
                    Min = add.HasMin ? add.Min : long.MinValue,
                    Max = add.HasMax ? add.Max : long.MaxValue,
                    Condition = ToCondition(add.Condition),
                    ExpireAtMs = ExpireAtMs(add.Options, keyspace, nowMs),
                };
            case Operation.Touch:
                var touch = call.Touch;
                return new TouchCommand(id, touch.Key.Memory, ExpireAtMs(touch.Options, keyspace, nowMs))
                {
                    Stamp = ToStamp(touch.Header, shard),
                    Condition = ToCondition(touch.Condition),
                };
            default:
                throw new ArgumentException($"{call.OperationCase} is no write", nameof(call));
        }
    }

    public static RequestStamp ToStamp(RequestHeader? header, ShardId shard) => ToStamp(header?.Identity, shard);

    /// <summary>The index that the writer has seen counts for the shard whose it is, and proves nothing to another one.</summary>
    public static RequestStamp ToStamp(RequestIdentity? identity, ShardId shard) => identity is null
        ? RequestStamp.None
        : new RequestStamp(
            ClientId.Read(identity.ClientId.Span),
            (ulong)identity.Sequence,
            (ulong)identity.FirstUnacked,
            identity.After is { } seen && seen.Shard == shard.Value ? seen.Index : 0);

    public static Condition ToCondition(V1.Condition? condition) => condition?.KindCase switch
    {
        null => Condition.None,
        V1.Condition.KindOneofCase.Absent => Condition.Absent,
        V1.Condition.KindOneofCase.Present => Condition.Present,
        V1.Condition.KindOneofCase.VersionEquals => Condition.VersionEquals(condition.VersionEquals),
        V1.Condition.KindOneofCase.ValueEquals => Condition.ValueEquals(condition.ValueEquals.Memory),
        V1.Condition.KindOneofCase.ValueSha256Equals => Condition.ValueSha256Equals(condition.ValueSha256Equals.Memory),
        _ => throw new ArgumentException($"a condition of kind {condition.KindCase} was not checked", nameof(condition)),
    };

    /// <summary>The instant at which a value written now ends, milliseconds since the Unix epoch; 0 = never.</summary>
    public static long ExpireAtMs(WriteOptions? options, KeyspaceDescriptor keyspace, long nowMs) => options?.ExpiryCase switch
    {
        WriteOptions.ExpiryOneofCase.TtlMs => nowMs + options.TtlMs,
        WriteOptions.ExpiryOneofCase.ExpireAtMs => options.ExpireAtMs,
        WriteOptions.ExpiryOneofCase.NoExpiry => 0,
        _ => keyspace switch
        {
            { TtlDefaultMs: > 0 and var usual } => nowMs + usual,
            { TtlMaxMs: > 0 and var longest } => nowMs + longest,
            _ => 0,
        },
    };

    /// <summary>A condition that fails answers what is there instead, so the command must bring it back in any case.</summary>
    private static bool WantsPrevious(WriteOptions? options, V1.Condition? condition) =>
        options is { ReturnPrevious: true } || condition is not null;
}
