using System.Collections.Concurrent;
using System.Diagnostics;
using KvRaft.Client;

namespace KvRaft.Integration.Tests.Hostile;

/// <summary>A client that uses the cluster as intended: small values, written and read back, through every node. Each call must succeed within the client's timeout.</summary>
internal sealed class OrdinaryClient : IAsyncDisposable
{
    private readonly KvClient _client;
    private readonly CancellationTokenSource _end = new();
    private readonly Task[] _running;
    private readonly ConcurrentQueue<string> _wrong = new();
    private ConcurrentBag<double> _waits = [];
    private long _served;

    public OrdinaryClient(KvClient client, int workers)
    {
        _client = client;
        _running = [.. Enumerable.Range(0, workers).Select(worker => Task.Run(() => WorkAsync(worker)))];
    }

    /// <summary>Writes that were acknowledged and read back.</summary>
    public long Served => Interlocked.Read(ref _served);

    /// <summary>The durations in milliseconds of each write with its read since the last call, in ascending order.</summary>
    public IReadOnlyList<double> TakeWaits() => [.. Interlocked.Exchange(ref _waits, []).Order()];

    /// <summary>Calls that failed after all retries, and reads that returned another value than the written one.</summary>
    public IReadOnlyCollection<string> Wrong => _wrong;

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await Task.WhenAll(_running);
        await _client.DisposeAsync();
        _end.Dispose();
    }

    private async Task WorkAsync(int worker)
    {
        var keyspace = _client.TextKeyspace();
        for (var i = 0; !_end.IsCancellationRequested; i++)
        {
            var (key, value) = ($"ordinary/{worker}/{i % 1_000}", $"{i}");
            var began = Stopwatch.GetTimestamp();
            try
            {
                await keyspace.PutAsync(key, value, cancellationToken: _end.Token);
                var read = await keyspace.GetAsync(key, cancellationToken: _end.Token);
                if (read.ValueOrDefault != value)
                {
                    _wrong.Enqueue($"{key} is {read.ValueOrDefault}, not {value}");
                }

                _waits.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
                Interlocked.Increment(ref _served);
            }
            catch (OperationCanceledException) when (_end.IsCancellationRequested)
            {
                return;
            }
            catch (KvException error)
            {
                _wrong.Enqueue($"{key}: {error.Message}");
            }
        }
    }
}
