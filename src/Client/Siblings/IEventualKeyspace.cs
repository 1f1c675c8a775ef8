namespace KvRaft.Client;

/// <summary>
/// The operations on an eventual keyspace of plain values. A key may hold several values (siblings): those whose writers had not read each other's
/// value. With LAST_WRITER only the latest value is returned, and contexts are not needed. Thread-safe.
/// <para>
/// A write with an unknown outcome (<see cref="KvException.Outcome"/>) may have reached some replicas, and will then spread to all. If this client
/// sends it again through any node, in the worst case the same value exists twice, and readers receive it once.
/// </para>
/// </summary>
public interface IEventualKeyspace<TKey, TValue>
{
    string Name { get; }

    /// <exception cref="KvException">Reason QUORUM_NOT_REACHED, among others. An absent key is not an error.</exception>
    ValueTask<KvSiblings<TValue>> GetAsync(TKey key, KvEventualOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Replaces the values that <paramref name="context"/> covers; all other values become siblings.</summary>
    /// <exception cref="KvException">Reason CONTEXT_INVALID or TOO_MANY_SIBLINGS, among others.</exception>
    ValueTask<KvEventualWrite> PutAsync(
        TKey key, TValue value, KvContext context, KvEventualOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Deletes the values that <paramref name="context"/> covers; other values stay.</summary>
    ValueTask<KvEventualWrite> DeleteAsync(TKey key, KvContext context, KvEventualOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// Reads the key, merges its values with <paramref name="merge"/>, and replaces them with the result. Two concurrent updates leave two values,
    /// which the next update merges; so the result of <paramref name="merge"/> should not depend on the order of its arguments.
    /// </summary>
    /// <param name="key">The key.</param>
    /// <param name="merge">Receives the current values, possibly none; called once.</param>
    /// <param name="options">Null: the defaults of the keyspace.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>The written value.</returns>
    ValueTask<TValue> UpdateAsync(
        TKey key, Func<IReadOnlyList<TValue>, TValue> merge, KvEventualOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Several reads in parallel; the results are in the order of the keys.</summary>
    Task<KvSiblings<TValue>[]> MultiGetAsync(
        IEnumerable<TKey> keys, KvEventualOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Several independent writes in parallel; the results are in their order.</summary>
    Task<KvEventualWrite[]> MultiSetAsync(
        IEnumerable<(TKey Key, TValue Value, KvContext Context)> items, KvEventualOptions? options = null, CancellationToken cancellationToken = default);
}
