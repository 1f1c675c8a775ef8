using System.Collections.Immutable;
using System.Text;
using Google.Protobuf;
using KvRaft.Eventual.Replicas;
using KvRaft.Eventual.Values;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Topology;
using KvRaft.V1;
using ChangeOf = KvRaft.V1.EventualUpdateRequest.ChangeOneofCase;
using ConflictPolicy = KvRaft.Topology.ConflictPolicy;
using EventualPolicy = KvRaft.Topology.EventualPolicy;
using KindOf = KvRaft.V1.TypedChange.KindOneofCase;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.EventualKeys;

/// <summary>The rules for a request to an eventual keyspace, and its translation to the types of the components below. Pure.</summary>
internal static class EventualCheck
{
    /// <summary>The keyspace's quorum, with the values that the request overrides.</summary>
    public static (QuorumSpec Spec, Failure? Failure) Quorum(EventualPolicy policy, QuorumOptions? options)
    {
        var spec = policy.Quorum;
        if (options is not null)
        {
            spec = spec with
            {
                R = options.HasR ? options.R : spec.R,
                W = options.HasW ? options.W : spec.W,
                Sloppy = options.HasSloppy ? options.Sloppy : spec.Sloppy,
            };
        }

        return (spec, spec.Mistake() is { } mistake ? Failure.Invalid("quorum." + mistake.Field, mistake.Why) : null);
    }

    public static Failure? Get(EventualGetRequest request, Limits limits) =>
        RequestCheck.Header(request.Header) ?? RequestCheck.Key(request.Key, "key", limits);

    public static Failure? Put(EventualPutRequest request, KeyspaceDescriptor keyspace, Limits limits) =>
        keyspace.Eventual!.Conflict is not (ConflictPolicy.Siblings or ConflictPolicy.LastWriter)
            ? Failure.Invalid("value", $"this keyspace holds typed values ({keyspace.Eventual.Conflict}); use Update")
            : RequestCheck.Write(request.Header) ?? RequestCheck.Key(request.Key, "key", limits)
                ?? RequestCheck.Value(request.Value, "value", limits) ?? (request.TtlMs == 0 ? null : RequestCheck.Ttl(request.TtlMs, "ttl_ms"));

    /// <summary>The limit of the keyspace that a put breaks. The limits can change while a writer repeats the put.</summary>
    public static Failure? PutIn(KeyspaceDescriptor keyspace, EventualPutRequest request) =>
        RequestCheck.ValueIn(keyspace, request.Value)
        ?? (keyspace.TtlMaxMs > 0 && request.TtlMs > keyspace.TtlMaxMs
            ? Failure.Limit(new LimitExceeded("ttl_ms", $"keyspace {keyspace.Name} ttl_max_ms", keyspace.TtlMaxMs, request.TtlMs))
            : null);

    public static Failure? Delete(EventualDeleteRequest request, KeyspaceDescriptor keyspace, Limits limits) =>
        keyspace.Eventual!.Conflict is ConflictPolicy.Counter or ConflictPolicy.Map
            ? Failure.Invalid("key", "counters, and maps that may hold them, are not deleted: their shares must never restart at zero")
            : RequestCheck.Write(request.Header) ?? RequestCheck.Key(request.Key, "key", limits)
                ?? (keyspace.Eventual.Conflict == ConflictPolicy.Siblings && request.Context.IsEmpty
                    ? Failure.Invalid("context", "a delete removes the values that were read; read the key first")
                    : null);

    /// <summary>The time-to-live of a value, milliseconds: from the request, or the keyspace's default, at most the keyspace's longest; 0 = without end.</summary>
    public static long LifeMs(EventualPutRequest request, KeyspaceDescriptor keyspace) =>
        request.TtlMs > 0 ? request.TtlMs : keyspace.TtlDefaultMs > 0 ? keyspace.TtlDefaultMs : keyspace.TtlMaxMs;

    /// <summary>The change that a request contains.</summary>
    public static (MergeChange? Change, Failure? Failure) Update(EventualUpdateRequest request, KeyspaceDescriptor keyspace, Limits limits)
    {
        if ((RequestCheck.Write(request.Header) ?? RequestCheck.Key(request.Key, "key", limits)) is { } failure)
        {
            return (null, failure);
        }

        var conflict = keyspace.Eventual!.Conflict;
        if (conflict == ConflictPolicy.Map)
        {
            return request.ChangeCase == ChangeOf.Field
                ? Field(request.Field, limits)
                : (null, Failure.Invalid("field", "this keyspace holds maps: name the field and its change"));
        }

        if (request.ChangeCase != ChangeOf.Value)
        {
            return (null, Failure.Invalid("value", "a change of the value"));
        }

        var wanted = conflict switch
        {
            ConflictPolicy.Counter => KindOf.AddToCounter,
            ConflictPolicy.Set => KindOf.ChangeSet,
            ConflictPolicy.Register => KindOf.WriteRegister,
            _ => KindOf.None,
        };
        return wanted == KindOf.None ? (null, Failure.Invalid("value", "this keyspace holds plain values; use Put"))
            : request.Value.KindCase != wanted ? (null, Failure.Invalid("value", $"this keyspace holds values of type {conflict}"))
            : Value(request.Value, "value", limits);
    }

    /// <summary>The id of a put: its identity, and the value, context and time-to-live that the client sent.</summary>
    public static UInt128 WriteId(EventualPutRequest request) => request.Header?.Identity is { } identity
        ? WriteName.Of(identity.ClientId.Span, identity.Sequence, request.Value.Span, request.Context.Span, request.TtlMs)
        : WriteName.None;

    /// <summary>The id of an update: its identity, and the change that the client sent.</summary>
    public static UInt128 WriteId(EventualUpdateRequest request) => request.Header?.Identity is { } identity
        ? WriteName.Of(identity.ClientId.Span, identity.Sequence, request.ChangeCase == ChangeOf.Field ? request.Field.ToByteArray() : request.Value.ToByteArray())
        : WriteName.None;

    private static (MergeChange?, Failure?) Field(FieldChange field, Limits limits)
    {
        if (field.Name.Length == 0 || Encoding.UTF8.GetByteCount(field.Name) > MergeValueCodec.FieldNameBytesMax)
        {
            return (null, Failure.Invalid("field.name", $"from 1 to {MergeValueCodec.FieldNameBytesMax} bytes"));
        }

        var (change, failure) = Value(field.Change, "field.change", limits);
        return change is null ? (null, failure) : (new ChangeField(field.Name, change), null);
    }

    private static (MergeChange? Change, Failure? Failure) Value(TypedChange? change, string field, Limits limits) => change?.KindCase switch
    {
        KindOf.AddToCounter => (new AddToCounter(change.AddToCounter), null),
        KindOf.WriteRegister => RequestCheck.Value(change.WriteRegister, field + ".write_register", limits) is { } tooLarge
            ? (null, tooLarge)
            : (new WriteRegister(change.WriteRegister.Memory), null),
        KindOf.ChangeSet => Set(change.ChangeSet, field + ".change_set", limits),
        _ => (null, Failure.Invalid(field, "add_to_counter, change_set or write_register")),
    };

    private static (MergeChange?, Failure?) Set(SetChange change, string field, Limits limits)
    {
        if (RequestCheck.Count(change.Add.Count + change.Remove.Count, field, limits) is { } failure)
        {
            return (null, failure);
        }

        var tooLarge = change.Add.Concat(change.Remove).Select(element => RequestCheck.Value(element, field, limits)).FirstOrDefault(found => found is not null);
        return tooLarge is not null ? (null, tooLarge) : (new ChangeSet(Memories(change.Add), Memories(change.Remove)), null);
    }

    private static ImmutableArray<ReadOnlyMemory<byte>> Memories(IEnumerable<ByteString> elements) => [.. elements.Select(static element => element.Memory)];
}
