using Grpc.Core;
using KvRaft.Benchmarks.Stores;
using KvRaft.Client;

namespace KvRaft.Benchmarks.Load;

/// <summary>Writes every key, so that reads find a value and puts replace one.</summary>
internal static class Preload
{
    /// <summary>A new cluster may still have elections; a failed write is sent again, which has no further effect.</summary>
    private const int AttemptsMax = 5;

    /// <summary>Enough for the group commit of the log to be effective.</summary>
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
                    await PutAsync(store, writer, data.Key(key), data.AnyValue(chance, valueBytes));
                }
            },
            cancellationToken)));
    }

    private static async Task PutAsync(IStore store, int writer, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await store.PutAsync(writer, key, value);
                return;
            }
            catch (Exception error) when (error is RpcException or KvException && attempt < AttemptsMax)
            {
                // Try again.
            }
        }
    }
}
