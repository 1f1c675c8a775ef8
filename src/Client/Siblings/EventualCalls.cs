using KvRaft.Client.Requests;
using KvRaft.Client.Transport;
using KvRaft.Client.Values;
using KvRaft.V1;

namespace KvRaft.Client.Siblings;

/// <summary>The calls on one eventual keyspace, in types of the wire. Any node can coordinate, so they are sent to any node.</summary>
internal sealed class EventualCalls<TKey>(string keyspace, RequestExecutor executor, IKvSerializer<TKey> keys)
{
    private static readonly KvEventualOptions Default = new();

    private static readonly Operation<EventualGetRequest, EventualGetResponse> GetCall = new(
        "EVENTUAL_GET", false, (r, h) => r.Header = h, _ => null, (c, r, o) => c.EventualKv.GetAsync(r, o));

    private static readonly Operation<EventualPutRequest, EventualPutResponse> PutCall = new(
        "EVENTUAL_PUT", true, (r, h) => r.Header = h, _ => null, (c, r, o) => c.EventualKv.PutAsync(r, o));

    private static readonly Operation<EventualDeleteRequest, EventualDeleteResponse> DeleteCall = new(
        "EVENTUAL_DELETE", true, (r, h) => r.Header = h, _ => null, (c, r, o) => c.EventualKv.DeleteAsync(r, o));

    private static readonly Operation<EventualUpdateRequest, EventualUpdateResponse> UpdateCall = new(
        "EVENTUAL_UPDATE", true, (r, h) => r.Header = h, _ => null, (c, r, o) => c.EventualKv.UpdateAsync(r, o));

    private static readonly Operation<EventualUpdateRequest, EventualUpdateResponse> AddCall = UpdateCall with { Name = "EVENTUAL_ADD", IsRepeatable = false };

    public string Keyspace => keyspace;

    public ValueTask<EventualGetResponse> GetAsync(TKey key, KvEventualOptions? options, CancellationToken cancellationToken) => executor.ExecuteAsync(
        GetCall, new EventualGetRequest { Key = WireValues.ToWire(keys.Serialize(key)), Quorum = Quorum(options) }, Scope(options), cancellationToken);

    public ValueTask<EventualPutResponse> PutAsync(
        TKey key, ReadOnlyMemory<byte> value, KvContext context, KvEventualOptions? options, CancellationToken cancellationToken)
    {
        var request = new EventualPutRequest
        {
            Key = WireValues.ToWire(keys.Serialize(key)),
            Value = WireValues.ToWire(value),
            Context = WireValues.ToWire(context.Bytes),
            Quorum = Quorum(options),
            TtlMs = options?.TimeToLive is { } ttl ? TtlMs(ttl) : 0,
        };
        return executor.ExecuteAsync(PutCall, request, Scope(options), cancellationToken);
    }

    public ValueTask<EventualDeleteResponse> DeleteAsync(
        TKey key, KvContext context, KvEventualOptions? options, CancellationToken cancellationToken) => executor.ExecuteAsync(
            DeleteCall,
            new EventualDeleteRequest { Key = WireValues.ToWire(keys.Serialize(key)), Context = WireValues.ToWire(context.Bytes), Quorum = Quorum(options) },
            Scope(options), cancellationToken);

    public ValueTask<EventualUpdateResponse> UpdateAsync(
        TKey key, TypedChange change, KvEventualOptions? options, CancellationToken cancellationToken) => executor.ExecuteAsync(
            CallFor(change),
            new EventualUpdateRequest { Key = WireValues.ToWire(keys.Serialize(key)), Value = change, Quorum = Quorum(options) },
            Scope(options), cancellationToken);

    public ValueTask<EventualUpdateResponse> UpdateAsync(
        TKey key, string field, TypedChange change, KvEventualOptions? options, CancellationToken cancellationToken) => executor.ExecuteAsync(
            CallFor(change),
            new EventualUpdateRequest
            {
                Key = WireValues.ToWire(keys.Serialize(key)),
                Field = new FieldChange { Name = field, Change = change },
                Quorum = Quorum(options),
            },
            Scope(options), cancellationToken);

    private static Operation<EventualUpdateRequest, EventualUpdateResponse> CallFor(TypedChange change) =>
        change.KindCase == TypedChange.KindOneofCase.AddToCounter ? AddCall : UpdateCall;

    private RequestScope Scope(KvEventualOptions? options) => new(keyspace, Key: null, AnyReplica: true, Timeout: options?.Timeout);

    private static long TtlMs(TimeSpan timeToLive)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(timeToLive, TimeSpan.FromMilliseconds(1));
        return (long)timeToLive.TotalMilliseconds;
    }

    private static QuorumOptions? Quorum(KvEventualOptions? options)
    {
        options ??= Default;
        if (options.Read is null && options.Write is null && options.Sloppy is null)
        {
            return null;
        }

        var quorum = new QuorumOptions();
        if (options.Read is { } read)
        {
            quorum.R = read;
        }

        if (options.Write is { } write)
        {
            quorum.W = write;
        }

        if (options.Sloppy is { } sloppy)
        {
            quorum.Sloppy = sloppy;
        }

        return quorum;
    }
}
