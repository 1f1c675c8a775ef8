using KvRaft.Storage.Commands;
using KvRaft.Storage.Schema;
using KvRaft.Topology;
using KvRaft.V1;
using Condition = KvRaft.Storage.Commands.Condition;

namespace KvRaft.Node.ShardRequests;

/// <summary>The parts of commands that several calls have, from the messages of the wire. Pure.</summary>
internal static partial class CommandFields
{
    public static RequestStamp ToStamp(RequestHeader? header, ShardId shard) => ToStamp(header?.Identity, shard);

    /// <summary>The index that the writer has seen counts only for the shard it belongs to; it proves nothing to another shard.</summary>
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
        PlantLeaderClock(ref expiry);
        return expiry;
    }

    /// <summary>Only a build with planted bugs has a body; in every other the compiler removes the call.</summary>
    static partial void PlantLeaderClock(ref Expiry expiry);
}
