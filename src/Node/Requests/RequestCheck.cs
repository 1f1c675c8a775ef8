using Google.Protobuf;
using KvRaft.Node.Options;
using KvRaft.Storage.Commands;
using KvRaft.Topology;
using KvRaft.V1;
using Condition = KvRaft.V1.Condition;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Requests;

/// <summary>
/// The rules that a request must meet before any work is done for it. Pure. Each rule returns the failure to send, or null.
/// It runs once per operation on the hot path, so it allocates only for a refusal.
/// </summary>
internal static class RequestCheck
{
    private const int ClientIdBytes = 16;

    /// <summary>A condition is repeated in the log; compare longer values by hash or version. As documented in options.proto.</summary>
    public const int ConditionValueBytesMax = 1024;

    public static Failure? Header(RequestHeader? header) =>
        header is { TimeoutMs: < 0 } ? Failure.Invalid("header.timeout_ms", "not negative")
        : header is { AnswerBytesMax: < 0 } ? Failure.Invalid("header.answer_bytes_max", "not negative")
        : header is { Keyspace.Length: > KeyspaceName.LengthMax and var length }
            ? Failure.Limit(new LimitExceeded("header.keyspace", "limits.keyspace_name_bytes_max", KeyspaceName.LengthMax, length))
        : null;

    /// <summary>Checks the header of a write, which includes its identity.</summary>
    public static Failure? Write(RequestHeader? header) => Header(header) ?? Identity(header?.Identity, "header.identity");

    public static Failure? Identity(RequestIdentity? identity, string field)
    {
        if (identity is null)
        {
            return null;
        }

        if (identity.ClientId.Length != ClientIdBytes)
        {
            return Failure.Invalid(field + ".client_id", $"exactly {ClientIdBytes} bytes");
        }

        if (identity.Sequence < 1)
        {
            return Failure.Invalid(field + ".sequence", "counted from 1");
        }

        return identity.FirstUnacked < 1 || identity.FirstUnacked > identity.Sequence
            ? Failure.Invalid(field + ".first_unacked", "from 1 to the sequence")
            : Seen(identity.After, field + ".after");
    }

    public static Failure? Seen(SeenIndex? seen, string field) =>
        seen is { Shard: < 0 } ? Failure.Invalid(field + ".shard", "not negative")
        : seen is { Index: < 0 } ? Failure.Invalid(field + ".index", "not negative")
        : null;

    public static Failure? Key(ByteString key, string field, Limits limits)
    {
        if (key.IsEmpty)
        {
            return Failure.Invalid(field, "must not be empty");
        }

        return key.Length > limits.KeyBytesMax
            ? Failure.Limit(new LimitExceeded(field, "limits.keyBytesMax", limits.KeyBytesMax, key.Length))
            : null;
    }

    public static Failure? Value(ByteString value, string field, Limits limits) =>
        value.Length > limits.ValueBytesMax
            ? Failure.Limit(new LimitExceeded(field, "limits.valueBytesMax", limits.ValueBytesMax, value.Length))
            : null;

    /// <summary>The number of keys that one call may name.</summary>
    public static Failure? Count(int count, string field, Limits limits)
    {
        if (count == 0)
        {
            return Failure.Invalid(field, "must not be empty");
        }

        return count > limits.MultiKeysMax
            ? Failure.Limit(new LimitExceeded(field, "limits.multiKeysMax", limits.MultiKeysMax, count))
            : null;
    }

    /// <summary>The limit of the keyspace, below that of the node.</summary>
    public static Failure? ValueIn(KeyspaceDescriptor keyspace, ByteString value) =>
        keyspace.ValueBytesMax > 0 && value.Length > keyspace.ValueBytesMax
            ? Failure.Limit(new LimitExceeded("value", $"keyspace {keyspace.Name} value_bytes_max", keyspace.ValueBytesMax, value.Length))
            : null;

    /// <summary>The longest time-to-live of the keyspace. A write without an expiry gets one (<see cref="ShardRequests.CommandFields.ExpiryOf"/>).</summary>
    /// <param name="nowMs">The time of the cluster, milliseconds since the Unix epoch.</param>
    public static Failure? ExpiryIn(KeyspaceDescriptor keyspace, WriteOptions? options, string field, long nowMs)
    {
        if (keyspace.TtlMaxMs == 0 || options is null)
        {
            return null;
        }

        var (part, lifeMs) = options.ExpiryCase switch
        {
            WriteOptions.ExpiryOneofCase.TtlMs => ("ttl_ms", options.TtlMs),
            WriteOptions.ExpiryOneofCase.ExpireAtMs => ("expire_at_ms", options.ExpireAtMs - nowMs),
            WriteOptions.ExpiryOneofCase.NoExpiry => ("no_expiry", long.MaxValue),
            _ => ("", 0),
        };
        return lifeMs > keyspace.TtlMaxMs
            ? Failure.Limit(new LimitExceeded($"{field}.{part}", $"keyspace {keyspace.Name} ttl_max_ms", keyspace.TtlMaxMs, lifeMs))
            : null;
    }

    public static Failure? Expiry(WriteOptions? options, string field) => options?.ExpiryCase switch
    {
        WriteOptions.ExpiryOneofCase.TtlMs => Ttl(options.TtlMs, field + ".ttl_ms"),
        WriteOptions.ExpiryOneofCase.ExpireAtMs when options.ExpireAtMs < 1 =>
            Failure.Invalid(field + ".expire_at_ms", $"milliseconds since the Unix epoch, from 1 to {ShardLimits.InstantMsMax}"),
        WriteOptions.ExpiryOneofCase.ExpireAtMs when options.ExpireAtMs > ShardLimits.InstantMsMax =>
            Failure.Limit(new LimitExceeded(field + ".expire_at_ms", "limits.expire_at_ms_max", ShardLimits.InstantMsMax, options.ExpireAtMs)),
        WriteOptions.ExpiryOneofCase.NoExpiry when !options.NoExpiry =>
            Failure.Invalid(field + ".no_expiry", "true, or left out"),
        _ => null,
    };

    /// <summary>Checks a time-to-live that is given, for any kind of keyspace.</summary>
    public static Failure? Ttl(long ttlMs, string field) => ttlMs switch
    {
        < 1 => Failure.Invalid(field, $"from 1 to {ShardLimits.TtlMsMax}"),
        > ShardLimits.TtlMsMax => Failure.Limit(new LimitExceeded(field, "limits.ttl_ms_max", ShardLimits.TtlMsMax, ttlMs)),
        _ => null,
    };

    public static Failure? Condition(Condition? condition, string field) => condition?.KindCase switch
    {
        null => null,
        V1.Condition.KindOneofCase.None => Failure.Invalid(field, "must have a condition"),
        V1.Condition.KindOneofCase.Absent when !condition.Absent => Failure.Invalid(field + ".absent", "true; use present for the opposite"),
        V1.Condition.KindOneofCase.Present when !condition.Present => Failure.Invalid(field + ".present", "true; use absent for the opposite"),
        V1.Condition.KindOneofCase.VersionEquals when condition.VersionEquals < 1 =>
            Failure.Invalid(field + ".version_equals", "above 0; use absent for 'no such key'"),
        V1.Condition.KindOneofCase.ValueSha256Equals when condition.ValueSha256Equals.Length != Storage.Commands.Condition.Sha256Bytes =>
            Failure.Invalid(field + ".value_sha256_equals", $"exactly {Storage.Commands.Condition.Sha256Bytes} bytes"),
        V1.Condition.KindOneofCase.ValueEquals when condition.ValueEquals.Length > ConditionValueBytesMax =>
            Failure.Invalid(field + ".value_equals", $"at most {ConditionValueBytesMax} bytes; use value_sha256_equals for larger values"),
        _ => null,
    };

    public static Failure? ReadOptions(ReadOptions? options) => options?.ConsistencyCase switch
    {
        V1.ReadOptions.ConsistencyOneofCase.Bounded when options.Bounded.MaxStalenessMs < 1 =>
            Failure.Invalid("options.bounded.max_staleness_ms", "above 0"),
        V1.ReadOptions.ConsistencyOneofCase.AtLeast when options.AtLeast is { Session: null, Version: < 1 } =>
            Failure.Invalid("options.at_least.version", "above 0"),
        _ => null,
    };

    public static Failure? NoExpiry(WriteOptions? options, string field) =>
        options is { ExpiryCase: not WriteOptions.ExpiryOneofCase.None } ? Failure.Invalid(field, "a delete takes no expiry") : null;

    /// <summary>Checks the writes that return no previous value: a request for it is refused, not ignored.</summary>
    public static Failure? NoPrevious(WriteOptions? options, string field) =>
        options is { ReturnPrevious: true } ? Failure.Invalid(field + ".return_previous", "only for puts and deletes") : null;
}
