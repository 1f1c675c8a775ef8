namespace KvRaft.Client;

/// <summary>
/// The operations on one keyspace. All are linearizable unless the options select another consistency. Thread-safe.
/// <para>
/// Every write has a request id, and the shard executes it at most once, even if the client sends it several times. If a write throws
/// <see cref="KvException"/>, <see cref="KvException.Outcome"/> states whether it may have been applied. If the token of a write is cancelled, the
/// write may have been applied, or may be applied later. Two writes to one key are ordered only if the second starts after the first has ended.
/// </para>
/// <para>Memory passed as key or value must not change until the call has ended.</para>
/// </summary>
public interface IKeyspace<TKey, TValue>
{
    string Name { get; }

    /// <exception cref="KvException">No answer, or a refusal. An absent key is a result, not an exception.</exception>
    ValueTask<KvResult<TValue>> GetAsync(TKey key, KvReadOptions? options = null, CancellationToken cancellationToken = default);

    ValueTask<KvWriteResult<TValue>> PutAsync(
        TKey key, TValue value, KvWriteOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Compare and set: applied only if <paramref name="expected"/> holds. A mismatch is a result that contains the current entry.</summary>
    ValueTask<KvWriteResult<TValue>> PutIfExpectedAsync(
        TKey key, TValue value, KvCondition expected, KvWriteOptions? options = null, CancellationToken cancellationToken = default);

    ValueTask<KvDeleteResult<TValue>> DeleteAsync(TKey key, KvWriteOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Adds to a number that is stored as decimal text.</summary>
    /// <exception cref="KvException">Reason NOT_A_NUMBER or OUT_OF_BOUNDS: nothing was changed.</exception>
    ValueTask<KvNumber> IncrementAsync(
        TKey key, long delta = 1, KvIncrementOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Changes the expiry of a value.</summary>
    ValueTask<KvTouchResult> TouchAsync(
        TKey key, KvExpiry expiry, KvCondition? condition = null, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// Several independent reads in parallel; reads of the same node share messages. Returns one item per key, in order; the item of a key that could
    /// not be read contains its error.
    /// </summary>
    ValueTask<IReadOnlyList<KvMultiGetItem<TKey, TValue>>> MultiGetAsync(
        IEnumerable<TKey> keys, KvReadOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// Several writes in parallel, each exactly once: independent of each other, or (<see cref="KvAtomicity.Shard"/>) all of them or none, in one
    /// entry of one shard. Returns one result per write, in order.
    /// </summary>
    /// <exception cref="ArgumentException">A key is repeated: the order of its writes would be undefined.</exception>
    /// <exception cref="KvException">For atomic writes: reason CROSS_SHARD_ATOMIC with the keys by shard, if they are in several shards;
    /// LIMIT_EXCEEDED, if there are too many.</exception>
    ValueTask<IReadOnlyList<KvMultiSetResult<TKey, TValue>>> MultiSetAsync(
        IEnumerable<KvMultiSetItem<TKey, TValue>> items,
        TimeSpan? timeout = null,
        KvAtomicity atomicity = KvAtomicity.None,
        CancellationToken cancellationToken = default);

    /// <summary>Creates an empty transaction; nothing is sent before the commit.</summary>
    KvTransaction<TKey, TValue> Transaction();

    /// <summary>
    /// Iterates over keys; see <see cref="KvScanOptions"/> for the order. If a node fails, the scan resumes at its position on another node.
    /// </summary>
    IAsyncEnumerable<KvPair<TKey, TValue>> ScanAsync(KvScanOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// Deletes a range and returns the number of deleted keys. An <see cref="KvDeleteRange.Atomic"/> range is deleted in one step, any other range in
    /// bounded steps, each exactly once. If the call fails between two steps, the completed steps stay; a repeated call continues with the remaining
    /// keys.
    /// </summary>
    /// <param name="range">The range.</param>
    /// <param name="stepTimeout">The timeout of each step; null: that of the client.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="KvException">Reason CROSS_SHARD_ATOMIC or LIMIT_EXCEEDED: an atomic range is not within one tag, or contains too much;
    /// nothing was deleted.</exception>
    ValueTask<long> DeleteRangeAsync(KvDeleteRange range, TimeSpan? stepTimeout = null, CancellationToken cancellationToken = default);

    /// <summary>The outcome of a write whose outcome was unknown to the client.</summary>
    /// <param name="key">The key of the write.</param>
    /// <param name="requestId">The request id of the write.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    ValueTask<KvRequestResult> GetRequestResultAsync(TKey key, KvRequestId requestId, CancellationToken cancellationToken = default);
}
