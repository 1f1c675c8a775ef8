using System.Diagnostics;
using Grpc.Core;
using KvRaft.Benchmarks.Stores;
using KvRaft.Client;

namespace KvRaft.Benchmarks.Load;

/// <summary>
/// Writes one key at a fixed rate, each write through the next node, none waiting for another: a write that hangs at a node which still
/// believes in the dead leader says nothing about those that come after it, for a store that gives up late no more than for one that
/// gives up soon.
/// </summary>
/// <param name="store">Who is written to.</param>
/// <param name="key">What is written.</param>
/// <param name="period">From one write to the next.</param>
/// <param name="acknowledged">Called with each acknowledged write's time, on any thread.</param>
internal sealed class SteadyWriter(IStore store, ReadOnlyMemory<byte> key, TimeSpan period, Action<TimeSpan> acknowledged)
{
    private static readonly byte[] Value = "value"u8.ToArray();

    /// <summary>Returns when the token is cancelled; writes still under way then are left to the store's own end.</summary>
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
            // Not acknowledged, which is all that counts here.
        }
    }
}
