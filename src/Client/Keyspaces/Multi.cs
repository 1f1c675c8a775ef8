using KvRaft.Topology;

namespace KvRaft.Client.Keyspaces;

/// <summary>
/// Runs many single-key operations in parallel. They need no call of their own: the pipe combines waiting operations into messages, each operation
/// has its own request id, retries and answer, and a shard without a leader does not delay the others.
/// </summary>
internal static class Multi
{
    /// <summary>256 at a time: enough to fill the messages of a pipe, and few enough to leave capacity of the pipe for other callers.</summary>
    private const int ConcurrencyMax = 256;

    /// <summary>Runs <paramref name="work"/> on each item; the results are in the order of the items.</summary>
    public static async ValueTask<IReadOnlyList<TResult>> RunAsync<TItem, TResult>(
        IEnumerable<TItem> items, Func<TItem, Task<TResult>> work)
    {
        var list = items as IReadOnlyList<TItem> ?? items.ToList();
        var results = new TResult[list.Count];
        var next = -1;
        var workers = Enumerable.Range(0, Math.Min(ConcurrencyMax, list.Count)).Select(async _ =>
        {
            for (var i = Interlocked.Increment(ref next); i < list.Count; i = Interlocked.Increment(ref next))
            {
                results[i] = await work(list[i]).ConfigureAwait(false);
            }
        });
        await Task.WhenAll(workers).ConfigureAwait(false);
        return results;
    }

    /// <exception cref="ArgumentException">Two keys are equal.</exception>
    public static void ThrowIfRepeated(IEnumerable<ReadOnlyMemory<byte>> keys, string parameter)
    {
        var seen = new HashSet<ReadOnlyMemory<byte>>(KeyBytesComparer.Instance);
        foreach (var key in keys)
        {
            if (!seen.Add(key))
            {
                throw new ArgumentException("A key is repeated; the order of its writes would be undefined.", parameter);
            }
        }
    }
}
