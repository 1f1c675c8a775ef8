using KvRaft.Node.Requests;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Schema;
using KvRaft.Topology;
using KvRaft.V1;
using Condition = KvRaft.Storage.Commands.Condition;
using StoredKeyspaceId = KvRaft.Storage.Schema.KeyspaceId;
using Operation = KvRaft.V1.PipeCall.OperationOneofCase;

namespace KvRaft.Node.ShardRequests;

/// <summary>
/// Translates the messages of the wire to commands of the log. A time-to-live stays one: the state machine adds it to the shard's clock. The memory of keys and values is that of the request; nothing is copied before the log entry.
/// </summary>
internal static class SingleKeyCommands
{
    /// <summary>The command of a checked write.</summary>
    /// <param name="call">A call that passed <see cref="RequestCheck"/>.</param>
    /// <param name="keyspace">The keyspace of its key, with its default expiry.</param>
    /// <param name="shard">The shard that will apply it.</param>
    public static ShardCommand ToCommand(PipeCall call, KeyspaceDescriptor keyspace, ShardId shard)
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
                    Expiry = ExpiryOf(put.Options, keyspace),
                    ReturnPrevious = put.Options is { ReturnPrevious: true },

                    // If a condition fails, the answer has the present value, whether it was requested or not.
                    ReturnCurrent = put.Condition is not null,
                };
            case Operation.Delete:
                var delete = call.Delete;
                return new DeleteCommand(id, delete.Key.Memory)
                {
                    Stamp = ToStamp(delete.Header, shard),
                    Condition = ToCondition(delete.Condition),
                    ReturnPrevious = delete.Options is { ReturnPrevious: true },
                    ReturnCurrent = delete.Condition is not null,
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
                    Expiry = ExpiryOf(add.Options, keyspace),
                };
            case Operation.Touch:
                var touch = call.Touch;
                return new TouchCommand(id, touch.Key.Memory, ExpiryOf(touch.Options, keyspace))
                {
                    Stamp = ToStamp(touch.Header, shard),
                    Condition = ToCondition(touch.Condition),
                };
            default:
                throw new ArgumentException($"{call.OperationCase} is no write", nameof(call));
        }
    }

    public static RequestStamp ToStamp(RequestHeader? header, ShardId shard) => ToStamp(header?.Identity, shard);

    /// <summary>The index that the writer has seen counts only for the shard it belongs to; it proves nothing to another shard.</summary>
    public static RequestStamp ToStamp(RequestIdentity? identity, ShardId shard) => identity is null
        ? RequestStamp.None
        : new RequestStamp(
            ClientId.Read(identity.ClientId.Span),
            (ulong)identity.Sequence,
            (ulong)identity.FirstUnacked,
            identity.After is { } seen && seen.Shard == shard.Value ? seen.Index : 0);

    /// <summary>The condition of a write; null if it has none.</summary>
    public static V1.Condition? ConditionOf(PipeCall call) => call.OperationCase switch
    {
        Operation.Put => call.Put.Condition,
        Operation.Delete => call.Delete.Condition,
        Operation.Increment => call.Increment.Condition,
        Operation.Touch => call.Touch.Condition,
        _ => null,
    };

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

    /// <summary>When a value written now expires: by the request, or by the keyspace's default, at the latest after the keyspace's longest time-to-live.</summary>
    public static Expiry ExpiryOf(WriteOptions? options, KeyspaceDescriptor keyspace)
    {
        var expiry = options?.ExpiryCase switch
        {
            WriteOptions.ExpiryOneofCase.TtlMs => Expiry.After(options.TtlMs),
            WriteOptions.ExpiryOneofCase.ExpireAtMs => Expiry.At(options.ExpireAtMs),
            WriteOptions.ExpiryOneofCase.NoExpiry => Expiry.Never,
            _ => keyspace switch
            {
                { TtlDefaultMs: > 0 and var usual } => Expiry.AfterByDefault(usual),
                { TtlMaxMs: > 0 and var longest } => Expiry.AfterByDefault(longest),
                _ => Expiry.Never,
            },
        };
#if PLANTED_BUGS
        if (Storage.PlantedBug.Is("expiry-by-leader-clock") && expiry.Kind is ExpiryKind.After or ExpiryKind.AfterByDefault)
        {
            return Expiry.At(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() + expiry.Milliseconds);
        }
#endif
        return expiry;
    }
}
