using KvRaft.Client.Values;

namespace KvRaft.Client.Siblings;

/// <summary>The implementation of <see cref="IEventualKeyspace{TKey,TValue}"/>. It has no state.</summary>
internal sealed class EventualKeyspace<TKey, TValue>(EventualCalls<TKey> calls, IKvSerializer<TValue> values) : IEventualKeyspace<TKey, TValue>
{
    public string Name => calls.Keyspace;

    public async ValueTask<KvSiblings<TValue>> GetAsync(TKey key, KvEventualOptions? options, CancellationToken cancellationToken)
    {
        var answer = await calls.GetAsync(key, options, cancellationToken).ConfigureAwait(false);
        return new KvSiblings<TValue>
        {
            Items =
            [
                .. answer.Values.Select(value => new KvSibling<TValue>(
                    values.Deserialize(value.Value.Memory), WireValues.Moment(value.WrittenAtMs), WireValues.Instant(value.ExpireAtMs))),
            ],
            Context = new KvContext(answer.Context.Memory),
            Quorum = KvQuorumInfo.Of(answer.Header),
        };
    }

    public async ValueTask<KvEventualWrite> PutAsync(
        TKey key, TValue value, KvContext context, KvEventualOptions? options, CancellationToken cancellationToken)
    {
        var answer = await calls.PutAsync(key, values.Serialize(value), context, options, cancellationToken).ConfigureAwait(false);
        return new KvEventualWrite { Context = new KvContext(answer.Context.Memory), Siblings = answer.Siblings, Quorum = KvQuorumInfo.Of(answer.Header) };
    }

    public async ValueTask<KvEventualWrite> DeleteAsync(TKey key, KvContext context, KvEventualOptions? options, CancellationToken cancellationToken)
    {
        var answer = await calls.DeleteAsync(key, context, options, cancellationToken).ConfigureAwait(false);
        return new KvEventualWrite { Context = new KvContext(answer.Context.Memory), Siblings = answer.Siblings, Quorum = KvQuorumInfo.Of(answer.Header) };
    }

    public async ValueTask<TValue> UpdateAsync(
        TKey key, Func<IReadOnlyList<TValue>, TValue> merge, KvEventualOptions? options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(merge);
        var found = await GetAsync(key, options, cancellationToken).ConfigureAwait(false);
        var merged = merge([.. found.Values]);
        await PutAsync(key, merged, found.Context, options, cancellationToken).ConfigureAwait(false);
        return merged;
    }

    public Task<KvSiblings<TValue>[]> MultiGetAsync(IEnumerable<TKey> keys, KvEventualOptions? options, CancellationToken cancellationToken) =>
        Task.WhenAll(keys.Select(key => GetAsync(key, options, cancellationToken).AsTask()));

    public Task<KvEventualWrite[]> MultiSetAsync(
        IEnumerable<(TKey Key, TValue Value, KvContext Context)> items, KvEventualOptions? options, CancellationToken cancellationToken) =>
        Task.WhenAll(items.Select(item => PutAsync(item.Key, item.Value, item.Context, options, cancellationToken).AsTask()));
}
