using System.Runtime.CompilerServices;
using KvRaft.Client.Requests;
using KvRaft.Client.Transport;
using KvRaft.Client.Values;
using KvRaft.V1;

namespace KvRaft.Client.Keyspaces;

/// <summary>
/// The implementation of <see cref="IKeyspace{TKey,TValue}"/>: serializes, calls the executor, and converts the answer. It has no state.
/// </summary>
internal sealed class Keyspace<TKey, TValue>(
    string name, RequestExecutor executor, ScanRunner scans, IKvSerializer<TKey> keys, IKvSerializer<TValue> values)
    : IKeyspace<TKey, TValue>
{
    private static readonly KvReadOptions DefaultRead = new();
    private static readonly KvWriteOptions DefaultWrite = new();
    private static readonly KvIncrementOptions DefaultIncrement = new();

    public string Name => name;

    public async ValueTask<KvResult<TValue>> GetAsync(TKey key, KvReadOptions? options, CancellationToken cancellationToken)
    {
        options ??= DefaultRead;
        var bytes = keys.Serialize(key);
        var request = new GetRequest
        {
            Key = WireValues.ToWire(bytes),
            Options = WireValues.ToWire(options.Consistency),
            IfVersionNot = options.IfVersionNot,
            HeadOnly = options.HeadOnly,
        };
        var scope = Scope(bytes, options.Timeout) with { AnyReplica = options.Consistency.AllowsReplicas };
        var answer = options.HedgeAfter is { } patience
            ? await executor.ExecuteHedgedAsync(Operations.Get, request, scope, patience, cancellationToken).ConfigureAwait(false)
            : await executor.ExecuteAsync(Operations.Get, request, scope, cancellationToken).ConfigureAwait(false);
        return new KvResult<TValue>
        {
            Found = answer.Found,
            Entry = answer.Found ? EntryOf(answer, options.HeadOnly || answer.NotModified) : default,
            NotModified = answer.NotModified,
            Delivered = WireValues.FromWire(answer.Header?.ConsistencyDelivered ?? Consistency.Unspecified),
            Staleness = WireValues.Span(answer.Header?.StalenessMs ?? 0),
            ServedBy = answer.Header?.ServedBy,
            ServedByLeader = answer.Header?.RoleServed == ServedRole.Leader,
            ServerTime = WireValues.Moment(answer.Header?.ServerTimeMs ?? 0),
        };
    }

    public ValueTask<KvWriteResult<TValue>> PutAsync(TKey key, TValue value, KvWriteOptions? options, CancellationToken cancellationToken)
    {
        options ??= DefaultWrite;
        return PutAsync(options.Condition is null ? Operations.Put : Operations.PutIfExpected, key, value, options.Condition, options, cancellationToken);
    }

    public ValueTask<KvWriteResult<TValue>> PutIfExpectedAsync(
        TKey key, TValue value, KvCondition expected, KvWriteOptions? options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(expected);
        options ??= DefaultWrite;
        if (options.Condition is not null)
        {
            throw new ArgumentException("The condition is given twice.", nameof(options));
        }

        return PutAsync(Operations.PutIfExpected, key, value, expected, options, cancellationToken);
    }

    public async ValueTask<KvDeleteResult<TValue>> DeleteAsync(TKey key, KvWriteOptions? options, CancellationToken cancellationToken)
    {
        options ??= DefaultWrite;
        var bytes = keys.Serialize(key);
        var request = new DeleteRequest
        {
            Key = WireValues.ToWire(bytes),
            Options = WireValues.ToWire(KvExpiry.Default, options.ReturnPrevious),
            Condition = options.Condition?.Wire,
        };
        var answer = await executor.ExecuteAsync(Operations.Delete, request, Scope(bytes, options.Timeout), cancellationToken)
            .ConfigureAwait(false);
        return new KvDeleteResult<TValue>
        {
            Applied = answer.Applied,
            Existed = answer.Existed,
            Version = answer.Version,
            Previous = WireValues.EntryOrNull(answer.Previous, values),
            Current = WireValues.EntryOrNull(answer.Current, values),
            Deduplicated = answer.Header?.Deduplicated ?? false,
            ValuesNotKept = answer.Header?.ValuesNotKept ?? false,
        };
    }

    public async ValueTask<KvNumber> IncrementAsync(
        TKey key, long delta, KvIncrementOptions? options, CancellationToken cancellationToken)
    {
        options ??= DefaultIncrement;
        var bytes = keys.Serialize(key);
        var request = new IncrementRequest
        {
            Key = WireValues.ToWire(bytes),
            Delta = delta,
            Initial = options.Initial,
            Options = WireValues.ToWire(options.Expiry),
            Condition = options.Condition?.Wire,
        };
        if (options.Min is { } min)
        {
            request.Min = min;
        }

        if (options.Max is { } max)
        {
            request.Max = max;
        }

        var answer = await executor.ExecuteAsync(Operations.Increment, request, Scope(bytes, options.Timeout), cancellationToken)
            .ConfigureAwait(false);
        return new KvNumber(answer.Value, answer.Version, WireValues.Instant(answer.ExpireAtMs)) { ConditionFailed = answer.ConditionFailed };
    }

    public async ValueTask<KvTouchResult> TouchAsync(
        TKey key, KvExpiry expiry, KvCondition? condition, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        var options = WireValues.ToWire(expiry)
            ?? throw new ArgumentException("Give an expiry: After, At or Never.", nameof(expiry));
        var bytes = keys.Serialize(key);
        var request = new TouchRequest { Key = WireValues.ToWire(bytes), Options = options, Condition = condition?.Wire };
        var answer = await executor.ExecuteAsync(Operations.Touch, request, Scope(bytes, timeout), cancellationToken).ConfigureAwait(false);
        return new KvTouchResult(answer.Applied, answer.Found, answer.Version, WireValues.Instant(answer.ExpireAtMs));
    }

    public async ValueTask<IReadOnlyList<KvMultiGetItem<TKey, TValue>>> MultiGetAsync(
        IEnumerable<TKey> keys, KvReadOptions? options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(keys);
        var named = keys as IReadOnlyList<TKey> ?? keys.ToList();
        if (named.Count > 1 && options is { Consistency: { Level: KvConsistencyLevel.AtLeast, Session: null } })
        {
            throw new ArgumentException("A version belongs to one shard, and the keys may be in several; use a session (KvConsistency.AtLeast(KvSession)).", nameof(options));
        }

        return await Multi.RunAsync(
            named,
            async key =>
            {
                try
                {
                    return new KvMultiGetItem<TKey, TValue>(key, await GetAsync(key, options, cancellationToken).ConfigureAwait(false), null);
                }
                catch (KvException error)
                {
                    return new KvMultiGetItem<TKey, TValue>(key, default, error);
                }
            }).ConfigureAwait(false);
    }

    public async ValueTask<IReadOnlyList<KvMultiSetResult<TKey, TValue>>> MultiSetAsync(
        IEnumerable<KvMultiSetItem<TKey, TValue>> items, TimeSpan? timeout, KvAtomicity atomicity, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(items);
        var writes = items.ToList();
        Multi.ThrowIfRepeated(writes.Select(write => keys.Serialize(write.Key)), nameof(items));
        if (atomicity == KvAtomicity.Shard)
        {
            return await SetAtOnceAsync(writes, timeout, cancellationToken).ConfigureAwait(false);
        }

        return await Multi.RunAsync(
            writes,
            async write =>
            {
                try
                {
                    return new KvMultiSetResult<TKey, TValue>(write.Key, await SetAsync(write, timeout, cancellationToken).ConfigureAwait(false), null);
                }
                catch (KvException error)
                {
                    return new KvMultiSetResult<TKey, TValue>(write.Key, default, error);
                }
            }).ConfigureAwait(false);
    }

    public KvTransaction<TKey, TValue> Transaction() => new(name, executor, keys, values);

    public async IAsyncEnumerable<KvPair<TKey, TValue>> ScanAsync(
        KvScanOptions? options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        options ??= new KvScanOptions();
        await foreach (var item in scans.RunAsync(name, options, cancellationToken).ConfigureAwait(false))
        {
            var key = keys.Deserialize(item.Key.Memory);
            var entry = options.KeysOnly
                ? new KvEntry<TValue>(default!, item.State.Version, WireValues.Instant(item.State.ExpireAtMs))
                : WireValues.Entry(item.State, values);
            yield return new KvPair<TKey, TValue>(key, entry);
        }
    }

    public async ValueTask<KvRequestResult> GetRequestResultAsync(TKey key, KvRequestId requestId, CancellationToken cancellationToken)
    {
        var bytes = keys.Serialize(key);
        var request = new GetRequestResultRequest
        {
            Key = WireValues.ToWire(bytes),
            Identity = new RequestIdentity
            {
                ClientId = Google.Protobuf.ByteString.CopyFrom(requestId.ClientId.ToByteArray(bigEndian: true)),
                Sequence = requestId.Sequence,
                FirstUnacked = 1,
                After = requestId.AfterIndex > 0 ? new SeenIndex { Shard = requestId.AfterShard, Index = requestId.AfterIndex } : null,
            },
        };
        var answer = await executor.ExecuteAsync(Operations.GetRequestResult, request, Scope(bytes, null), cancellationToken)
            .ConfigureAwait(false);
        var state = answer.State switch
        {
            GetRequestResultResponse.Types.State.Executed when answer.Applied => KvRequestState.Applied,
            GetRequestResultResponse.Types.State.Executed when answer.RefusalReason.Length > 0 => KvRequestState.Refused,
            GetRequestResultResponse.Types.State.Executed => KvRequestState.ConditionFailed,
            GetRequestResultResponse.Types.State.NotSeen => KvRequestState.NotSeen,
            _ => KvRequestState.Expired,
        };
        return new KvRequestResult(state, answer.Version) { Number = answer.Number, Succeeded = answer.Succeeded };
    }

    public async ValueTask<long> DeleteRangeAsync(KvDeleteRange range, TimeSpan? stepTimeout, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(range);
        var deleted = 0L;
        var token = Google.Protobuf.ByteString.Empty;
        while (true)
        {
            var request = range.ToWire();
            request.ResumeToken = token;
            var answer = await executor.ExecuteAsync(
                Operations.DeleteRange, request, new RequestScope(name, null, Timeout: stepTimeout), cancellationToken).ConfigureAwait(false);
            deleted += answer.Deleted;
            if (answer.Done)
            {
                return deleted;
            }

            token = answer.ResumeToken;
        }
    }

    private async ValueTask<KvWriteResult<TValue>> PutAsync(
        Operation<PutRequest, PutResponse> operation,
        TKey key,
        TValue value,
        KvCondition? condition,
        KvWriteOptions options,
        CancellationToken cancellationToken)
    {
        var bytes = keys.Serialize(key);
        var request = new PutRequest
        {
            Key = WireValues.ToWire(bytes),
            Value = WireValues.ToWire(values.Serialize(value)),
            Options = WireValues.ToWire(options.Expiry, options.ReturnPrevious),
            Condition = condition?.Wire,
        };
        var answer = await executor.ExecuteAsync(operation, request, Scope(bytes, options.Timeout), cancellationToken).ConfigureAwait(false);
        return new KvWriteResult<TValue>
        {
            Applied = answer.Applied,
            Version = answer.Version,
            Previous = WireValues.EntryOrNull(answer.Previous, values),
            Current = WireValues.EntryOrNull(answer.Current, values),
            Deduplicated = answer.Header?.Deduplicated ?? false,
            ValuesNotKept = answer.Header?.ValuesNotKept ?? false,
        };
    }

    private async ValueTask<KvWriteResult<TValue>> SetAsync(
        KvMultiSetItem<TKey, TValue> item, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        var options = new KvWriteOptions { Expiry = item.Expiry, Condition = item.Condition, Timeout = timeout };
        if (!item.Delete)
        {
            return await PutAsync(item.Key, item.Value!, options, cancellationToken).ConfigureAwait(false);
        }

        var deleted = await DeleteAsync(item.Key, options, cancellationToken).ConfigureAwait(false);
        return new KvWriteResult<TValue>
        {
            Applied = deleted.Applied,
            Version = deleted.Version,
            Current = deleted.Current,
            Deduplicated = deleted.Deduplicated,
            ValuesNotKept = deleted.ValuesNotKept,
        };
    }

    private async ValueTask<IReadOnlyList<KvMultiSetResult<TKey, TValue>>> SetAtOnceAsync(
        List<KvMultiSetItem<TKey, TValue>> items, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        if (items.Count == 0)
        {
            return [];
        }

        var request = new MultiSetRequest { Atomicity = MultiSetRequest.Types.Atomicity.Shard };
        request.Items.AddRange(items.Select(item => new MultiSetRequest.Types.Item
        {
            Key = WireValues.ToWire(keys.Serialize(item.Key)),
            Value = item.Delete ? Google.Protobuf.ByteString.Empty : WireValues.ToWire(values.Serialize(item.Value!)),
            Delete = item.Delete,
            Options = WireValues.ToWire(item.Expiry),
            Condition = item.Condition?.Wire,
        }));
        var answer = await executor.ExecuteAsync(
            Operations.MultiSet, request, Scope(keys.Serialize(items[0].Key), timeout), cancellationToken).ConfigureAwait(false);
        return [.. items.Zip(answer.Items, (item, told) => new KvMultiSetResult<TKey, TValue>(
            item.Key,
            new KvWriteResult<TValue>
            {
                Applied = told.Applied,
                Version = told.Version,
                Current = WireValues.EntryOrNull(told.Current, values),
                Deduplicated = answer.Header?.Deduplicated ?? false,
                ValuesNotKept = told.ValuesNotKept,
            },
            null))];
    }

    // An answer without the value is not passed to the serializer, because a serializer may refuse empty bytes.
    private KvEntry<TValue> EntryOf(GetResponse answer, bool withoutValue) => withoutValue
        ? new KvEntry<TValue>(default!, answer.Current.Version, WireValues.Instant(answer.Current.ExpireAtMs))
        : WireValues.Entry(answer.Current, values);

    private RequestScope Scope(ReadOnlyMemory<byte> key, TimeSpan? timeout) => new(name, key, Timeout: timeout);
}
