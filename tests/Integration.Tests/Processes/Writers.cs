using System.Collections.Concurrent;
using KvRaft.Client;

namespace KvRaft.Integration.Tests.Processes;

/// <summary>Many writers of unique keys, and the list of the acknowledged ones.</summary>
internal sealed class Writers : IAsyncDisposable
{
    private readonly KvClient _client;
    private readonly CancellationTokenSource _end = new();
    private readonly Task[] _running;
    private readonly ConcurrentDictionary<string, string> _acknowledged = new();
    private long _next;
    private long _failed;
    private volatile bool _enough;

    public Writers(KvClient client, int count)
    {
        _client = client;
        var keyspace = client.TextKeyspace();
        _running = [.. Enumerable.Range(0, count).Select(_ => Task.Run(() => WriteAsync(keyspace)))];
    }

    public IReadOnlyDictionary<string, string> Acknowledged => _acknowledged;

    /// <summary>Calls that ended with anything but an acknowledgement.</summary>
    public long FailedCalls => Interlocked.Read(ref _failed);

    /// <summary>The writers finish the calls they have started, and start no more.</summary>
    public async Task StopAsync()
    {
        _enough = true;
        await Task.WhenAll(_running);
    }

    public async Task ReachedAsync(int count)
    {
        while (_acknowledged.Count < count)
        {
            await Task.Delay(10);
            var ended = _running.FirstOrDefault(task => task.IsCompleted);
            if (ended is not null)
            {
                await ended;
            }
        }
    }

    /// <summary>The writers abandon their calls; a key that was not acknowledged by now may or may not be there.</summary>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await Task.WhenAll(_running);
        await _client.DisposeAsync();
        _end.Dispose();
    }

    /// <summary>Reads every acknowledged key through a client; returns those that are not there as they were written.</summary>
    public async Task<IReadOnlyCollection<string>> LostAsync(KvClient client)
    {
        var keyspace = client.TextKeyspace();
        var lost = new ConcurrentQueue<string>();
        await Parallel.ForEachAsync(_acknowledged, new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (pair, cancel) =>
        {
            var read = await keyspace.GetAsync(pair.Key, cancellationToken: cancel);
            if (!read.Found || read.Value != pair.Value)
            {
                lost.Enqueue(pair.Key);
            }
        });
        return lost;
    }

    private async Task WriteAsync(IKeyspace<string, string> keyspace)
    {
        while (!_end.IsCancellationRequested && !_enough)
        {
            var number = Interlocked.Increment(ref _next);
            var (key, value) = ($"key-{number}", $"value-{number}-{Guid.NewGuid():N}");
            try
            {
                await keyspace.PutAsync(key, value, cancellationToken: _end.Token);
                _acknowledged[key] = value;
            }
            catch (OperationCanceledException) when (_end.IsCancellationRequested)
            {
                return;
            }
            catch (KvException error) when (error.IsTransient || error.Outcome == KvOutcome.Unknown)
            {
                // Not acknowledged: the outcome for this key is open.
                Interlocked.Increment(ref _failed);
            }
        }
    }
}
