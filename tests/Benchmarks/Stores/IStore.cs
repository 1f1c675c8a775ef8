namespace KvRaft.Benchmarks.Stores;

/// <summary>
/// A way to a key-value store. What all of them share, so that only the stores differ: one HTTP/2 connection per node (a second one
/// only above 100 calls at once on it), client <c>i</c> calls node <c>i mod n</c>, no deadline per call, memory of keys and values
/// wrapped and not copied. The typed client of KvRaft chooses nodes by itself; that is its point. Thread-safe.
/// </summary>
internal interface IStore : IAsyncDisposable
{
    string Name { get; }

    /// <summary>Returns when the write was acknowledged.</summary>
    ValueTask PutAsync(int client, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value);

    /// <summary>A linearizable read. False: there is no such key.</summary>
    ValueTask<bool> GetAsync(int client, ReadOnlyMemory<byte> key);
}
