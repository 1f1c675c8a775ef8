namespace KvRaft.Benchmarks.Stores;

/// <summary>
/// A client of a key-value store. All implementations are equal in the following, so that only the stores differ: one HTTP/2 connection per node (a
/// second one only above 100 concurrent calls), client <c>i</c> calls node <c>i mod n</c>, no deadline per call, keys and values are wrapped and not
/// copied. The typed client of KvRaft chooses nodes itself, which is one of its features. Thread-safe.
/// </summary>
internal interface IStore : IAsyncDisposable
{
    string Name { get; }

    /// <summary>Returns when the write was acknowledged.</summary>
    ValueTask PutAsync(int client, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value);

    /// <summary>A linearizable read. False: there is no such key.</summary>
    ValueTask<bool> GetAsync(int client, ReadOnlyMemory<byte> key);
}
