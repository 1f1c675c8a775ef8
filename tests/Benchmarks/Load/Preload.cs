using KvRaft.Benchmarks.Stores;

namespace KvRaft.Benchmarks.Load;

/// <summary>Writes every key once, so that reads find something and puts replace something.</summary>
internal static class Preload
{
    /// <summary>Enough that the log's group commit carries it.</summary>
    private const int Writers = 64;

    public static async Task RunAsync(IStore store, Dataset data, int valueBytes, CancellationToken cancellationToken)
    {
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(
            async () =>
            {
                var chance = new Random(writer);
                while (Interlocked.Increment(ref next) is var key && key < data.Count)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    await store.PutAsync(writer, data.Key(key), data.AnyValue(chance, valueBytes));
                }
            },
            cancellationToken)));
    }
}
