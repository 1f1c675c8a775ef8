namespace KvRaft.Client;

/// <summary>
/// The operations on an eventual keyspace of plain values. A key may hold several: those that were written without knowing of each other
/// (with LAST_WRITER only the latest is ever shown, and contexts are not needed). Safe for many threads.
/// <para>
/// A write whose outcome is unknown (<see cref="KvException.Outcome"/>) may have reached some replicas, and will then spread to all. Sent again by this
/// client, through whichever node, at worst the same value stands twice, and readers are shown it once.
/// </para>
/// </summary>
public interface IEventualKeyspace<TKey, TValue>
{
    string Name { get; }

    /// <exception cref="KvException">Reason QUORUM_NOT_REACHED, among others. A key that is not there is no error.</exception>
    ValueTask<KvSiblings<TValue>> GetAsync(TKey key, KvEventualOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Writes over what <paramref name="context"/> has seen, and beside everything else.</summary>
    /// <exception cref="KvException">Reason CONTEXT_INVALID or TOO_MANY_SIBLINGS, among others.</exception>
    ValueTask<KvEventualWrite> PutAsync(
        TKey key, TValue value, KvContext context, KvEventualOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Deletes what <paramref name="context"/> has seen; a value it has not seen stays.</summary>
    ValueTask<KvEventualWrite> DeleteAsync(TKey key, KvContext context, KvEventualOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// Reads, has <paramref name="merge"/> make one value of all that stand, and writes it over them. Two who do so at once leave two values, which
    /// the next to do so merges; so <paramref name="merge"/> should give the same, whatever the order of its arguments.
    /// </summary>
    /// <param name="merge">Given the values that stand, perhaps none; called once.</param>
    /// <returns>The value written.</returns>
    ValueTask<TValue> UpdateAsync(
        TKey key, Func<IReadOnlyList<TValue>, TValue> merge, KvEventualOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Many reads at once, in the order of the keys.</summary>
    Task<KvSiblings<TValue>[]> MultiGetAsync(
        IEnumerable<TKey> keys, KvEventualOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Many writes at once, in their order; each for itself.</summary>
    Task<KvEventualWrite[]> MultiSetAsync(
        IEnumerable<(TKey Key, TValue Value, KvContext Context)> items, KvEventualOptions? options = null, CancellationToken cancellationToken = default);
}
