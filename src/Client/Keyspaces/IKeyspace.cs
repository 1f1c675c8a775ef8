namespace KvRaft.Client;

/// <summary>
/// The operations on one keyspace. All are linearizable unless asked otherwise, and safe for many threads.
/// <para>
/// Every write has a name, under which it is executed once, however often the client must send it. A write that throws
/// <see cref="KvException"/> says by <see cref="KvException.Outcome"/> whether it may have been applied; a write whose token is cancelled may
/// have been, or may yet be, applied. Two writes to one key happen in order only if the second begins after the first has ended.
/// </para>
/// <para>Memory given as key or value must not change until the call has ended.</para>
/// </summary>
public interface IKeyspace<TKey, TValue>
{
    string Name { get; }

    /// <exception cref="KvException">No answer, or a refusal. A key that is not there is neither.</exception>
    ValueTask<KvResult<TValue>> GetAsync(TKey key, KvReadOptions? options = null, CancellationToken cancellationToken = default);

    ValueTask<KvWriteResult<TValue>> PutAsync(
        TKey key, TValue value, KvWriteOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Compare and set: applied only if <paramref name="expected"/> holds. A mismatch is a result, with what is there instead.</summary>
    ValueTask<KvWriteResult<TValue>> PutIfExpectedAsync(
        TKey key, TValue value, KvCondition expected, KvWriteOptions? options = null, CancellationToken cancellationToken = default);

    ValueTask<KvDeleteResult<TValue>> DeleteAsync(TKey key, KvWriteOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Adds to a number kept as decimal text.</summary>
    /// <exception cref="KvException">Reason NOT_A_NUMBER or OUT_OF_BOUNDS: nothing was changed.</exception>
    ValueTask<KvNumber> IncrementAsync(
        TKey key, long delta = 1, KvIncrementOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Changes when a value ends.</summary>
    ValueTask<KvTouchResult> TouchAsync(
        TKey key, KvExpiry expiry, KvCondition? condition = null, TimeSpan? timeout = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// Many reads at once, each for itself; they travel together where they go to the same node. One item per key, in order; a key
    /// that could not be read has its error there.
    /// </summary>
    ValueTask<IReadOnlyList<KvMultiGetItem<TKey, TValue>>> MultiGetAsync(
        IEnumerable<TKey> keys, KvReadOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// Many writes at once and exactly once: each for itself, or (<see cref="KvAtomicity.Shard"/>) all of them or none, in one entry of one
    /// shard. One result per write, in order.
    /// </summary>
    /// <exception cref="ArgumentException">A key comes twice: the order of the two would be chance.</exception>
    /// <exception cref="KvException">
    /// Of all or none: reason CROSS_SHARD_ATOMIC with the keys by shard, if they are in several; LIMIT_EXCEEDED, if they are too many.
    /// </exception>
    ValueTask<IReadOnlyList<KvMultiSetResult<TKey, TValue>>> MultiSetAsync(
        IEnumerable<KvMultiSetItem<TKey, TValue>> items,
        TimeSpan? timeout = null,
        KvAtomicity atomicity = KvAtomicity.None,
        CancellationToken cancellationToken = default);

    /// <summary>Begins to describe a transaction; nothing is sent before it is committed.</summary>
    KvTransaction<TKey, TValue> Transaction();

    /// <summary>Walks over keys; see <see cref="KvScanOptions"/> for the order. Survives failures of nodes: it resumes where it was.</summary>
    IAsyncEnumerable<KvPair<TKey, TValue>> ScanAsync(KvScanOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// Deletes a range and answers how many keys it held: at once if the range is <see cref="KvDeleteRange.Atomic"/>, else in bounded
    /// steps, each exactly once. When it fails in between, what was deleted stays so; beginning again goes on with the rest.
    /// </summary>
    /// <param name="stepTimeout">Of each step; null: the client's.</param>
    /// <exception cref="KvException">
    /// Reason CROSS_SHARD_ATOMIC or LIMIT_EXCEEDED: an atomic range is not inside one tag, or holds too much; nothing was deleted.
    /// </exception>
    ValueTask<long> DeleteRangeAsync(KvDeleteRange range, TimeSpan? stepTimeout = null, CancellationToken cancellationToken = default);

    /// <summary>What became of a write whose outcome was unknown.</summary>
    /// <param name="key">The key it wrote.</param>
    ValueTask<KvRequestResult> GetRequestResultAsync(TKey key, KvRequestId requestId, CancellationToken cancellationToken = default);
}
