using System.Diagnostics;
using Grpc.Core;
using KvRaft.Benchmarks.Stores;
using KvRaft.Client;

namespace KvRaft.Benchmarks.Load;

/// <summary>
/// Writes one key at a fixed rate, each write through the next node, without waiting for earlier ones: a write that hangs at a node with an outdated
/// leader does not delay the writes after it, regardless of the timeout of the store.
/// </summary>
/// <param name="store">The store.</param>
/// <param name="key">The key.</param>
/// <param name="period">The time between two writes.</param>
/// <param name="acknowledged">Called with the time of each acknowledged write, on any thread.</param>
internal sealed class SteadyWriter(IStore store, ReadOnlyMemory<byte> key, TimeSpan period, Action<TimeSpan> acknowledged)
{
    private static readonly byte[] Value = "value"u8.ToArray();

    /// <summary>Returns when the token is cancelled; the disposal of the store ends the writes that are still under way.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(period);
        try
        {
            for (var turn = 0; await timer.WaitForNextTickAsync(cancellationToken); turn++)
            {
                _ = WriteAsync(turn);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The end of the run.
        }
    }

    private async Task WriteAsync(int turn)
    {
        var begun = Stopwatch.GetTimestamp();
        try
        {
            await store.PutAsync(turn, key, Value);
            acknowledged(Stopwatch.GetElapsedTime(begun));
        }
        catch (Exception error) when (error is RpcException or KvException or ObjectDisposedException)
        {
            // Not acknowledged; failed writes have no other effect on the result.
        }
    }
}
