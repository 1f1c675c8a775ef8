using System.Diagnostics;
using Grpc.Core;
using HdrHistogram;
using KvRaft.Benchmarks.Stores;
using KvRaft.Client;

namespace KvRaft.Benchmarks.Load;

/// <summary>
/// Puts load on a store and measures a window of it. In a <b>closed loop</b> each client starts its next operation when the last one was answered, so
/// a slow store receives fewer operations; the result is the throughput. In an <b>open loop</b> operations arrive by the clock, and latency is
/// measured from the time of arrival, so that a pause is visible in every operation that arrived during it (Gil Tene, "How NOT to Measure Latency").
/// <para>
/// An operation counts if it was answered within the window. A failed operation counts only as an error. If a written key is missing, the run ends,
/// because its results would be meaningless.
/// </para>
/// </summary>
internal sealed class LoadRun(IStore store, Workload workload, Dataset data)
{
    /// <summary>With more failures than this the run is not a measurement; the first failure is reported instead of a table.</summary>
    private const int ErrorsMax = 1000;

    private readonly HistogramBase _latencies = Latency.NewHistogram();
    private volatile bool _recording;
    private volatile bool _ending;
    private int _errors;
    private string? _firstError;
    private long _arrivals;

    /// <param name="windowOpens">Called at the start of the window.</param>
    /// <param name="windowCloses">Called at its end.</param>
    /// <param name="cancellationToken">Ends the run.</param>
    /// <exception cref="InvalidOperationException">The store failed too often, or does not contain a written key.</exception>
    public async Task<LoadResult> RunAsync(Func<Task> windowOpens, Func<Task> windowCloses, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var clients = Enumerable.Range(0, workload.Clients)
            .Select(client => Task.Run(() => ClientAsync(client, started), CancellationToken.None)).ToArray();
        var failed = Task.WhenAny(clients);
        TimeSpan elapsed;
        try
        {
            await PassAsync(workload.WarmUp, failed, cancellationToken);
            await windowOpens();
            _recording = true;
            var opened = Stopwatch.GetTimestamp();
            await PassAsync(workload.Duration, failed, cancellationToken);
            _recording = false;
            elapsed = Stopwatch.GetElapsedTime(opened);
            await windowCloses();
        }
        finally
        {
            _ending = true;
            await Task.WhenAll(clients);
        }

        return new LoadResult(_latencies.TotalCount, elapsed, Latency.Of(_latencies), _errors, _firstError);
    }

    /// <summary>A client ends early only after a failure; then the rest of the time is not waited for.</summary>
    private static async Task PassAsync(TimeSpan time, Task<Task> failed, CancellationToken cancellationToken)
    {
        using var passed = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var first = await Task.WhenAny(Task.Delay(time, passed.Token), failed);
        await passed.CancelAsync();
        cancellationToken.ThrowIfCancellationRequested();
        if (first == failed)
        {
            await await failed;
        }
    }

    private async Task ClientAsync(int client, long started)
    {
        // One seed per client: every system receives the same keys.
        var chance = new Random(client);
        while (!_ending)
        {
            var begin = workload.ArrivalsPerSecond == 0 ? Stopwatch.GetTimestamp() : await ArrivalAsync(started);
            try
            {
                await OperationAsync(client, chance);
            }
            catch (Exception error) when (error is RpcException or KvException)
            {
                Count(error);
                continue;
            }

            if (_recording)
            {
                Latency.Record(_latencies, Stopwatch.GetElapsedTime(begin));
            }
        }
    }

    /// <summary>Takes the next arrival, waits until it is due, and returns its due time.</summary>
    private async ValueTask<long> ArrivalAsync(long started)
    {
        var due = started + (long)(Interlocked.Increment(ref _arrivals) * (double)Stopwatch.Frequency / workload.ArrivalsPerSecond);

        // System timers have a resolution of milliseconds; the rest of the wait yields.
        while (Stopwatch.GetTimestamp() is var now && now < due)
        {
            var left = Stopwatch.GetElapsedTime(now, due);
            if (left >= TimeSpan.FromMilliseconds(2))
            {
                await Task.Delay(left - TimeSpan.FromMilliseconds(1));
            }
            else
            {
                await Task.Yield();
            }
        }

        return due;
    }

    private async ValueTask OperationAsync(int client, Random chance)
    {
        var key = data.AnyKey(chance);
        if (workload.Kind == OperationKind.Put || (workload.Kind == OperationKind.Mix && chance.Next(2) == 0))
        {
            await store.PutAsync(client, key, data.AnyValue(chance, workload.ValueBytes));
        }
        else if (!await store.GetAsync(client, key))
        {
            throw new InvalidOperationException($"{store.Name} does not hold a key that was acknowledged.");
        }
    }

    private void Count(Exception error)
    {
        Interlocked.CompareExchange(ref _firstError, error.Message, null);
        if (Interlocked.Increment(ref _errors) > ErrorsMax)
        {
            throw new InvalidOperationException($"{store.Name} failed {ErrorsMax} operations; the first with: {_firstError}");
        }
    }
}

/// <summary>The result of a run.</summary>
/// <param name="Operations">Answered within the window.</param>
/// <param name="Elapsed">The actual length of the window.</param>
/// <param name="Latency">Of those operations.</param>
/// <param name="Errors">Failed operations, including those of the warm-up.</param>
/// <param name="FirstError">The message of the first one.</param>
internal sealed record LoadResult(long Operations, TimeSpan Elapsed, Latency Latency, int Errors, string? FirstError)
{
    public double Throughput => Operations / Elapsed.TotalSeconds;
}
