using System.Collections.Concurrent;
using System.Diagnostics;
using KvRaft.Client;

namespace KvRaft.Integration.Tests.Processes;

/// <summary>
/// A steady load that checks itself: each worker owns some keys, writes a growing number to one of them, and reads it back; linearizable, so the read must
/// return the number that was just acknowledged. Workers keep a common pace as long as the cluster does.
/// </summary>
internal sealed class CheckedLoad : IAsyncDisposable
{
    private readonly KvClient _client;
    private readonly CancellationTokenSource _end = new();
    private readonly Task[] _running;
    private readonly ConcurrentQueue<string> _violations = new();
    private readonly ConcurrentDictionary<string, string> _last = new();
    private long _writes;
    private long _failed;
    private readonly Lock _gate = new();
    private LongestWrite _longest;
    private ConcurrentQueue<long> _ticks = new();

    public CheckedLoad(KvClient client, int workers, int writesPerSecond)
    {
        _client = client;
        var keyspace = client.TextKeyspace();
        var period = TimeSpan.FromSeconds((double)workers / writesPerSecond);
        _running = [.. Enumerable.Range(0, workers).Select(worker => Task.Run(() => WorkAsync(keyspace, worker, period)))];
    }

    public long Writes => Interlocked.Read(ref _writes);

    public long Failed => Interlocked.Read(ref _failed);

    /// <summary>Reads that did not return the acknowledged number.</summary>
    public IReadOnlyCollection<string> Violations => _violations;

    /// <summary>The longest write since the last call: no pause of any shard was longer.</summary>
    public LongestWrite TakeLongestWrite()
    {
        lock (_gate)
        {
            var longest = _longest;
            _longest = default;
            return longest;
        }
    }

    /// <summary>The duration of each write since the last call, in milliseconds, the shortest first.</summary>
    public IReadOnlyList<double> TakeWrites() =>
        [.. Interlocked.Exchange(ref _ticks, new ConcurrentQueue<long>()).Select(static ticks => ticks * 1000.0 / Stopwatch.Frequency).Order()];

    /// <summary>Ends the load; returns keys that do not hold the last acknowledged number.</summary>
    public async Task<IReadOnlyCollection<string>> LostAsync()
    {
        await _end.CancelAsync();
        await Task.WhenAll(_running);
        var keyspace = _client.TextKeyspace();
        var lost = new List<string>();
        foreach (var (key, value) in _last)
        {
            if ((await keyspace.GetAsync(key)).Value != value)
            {
                lost.Add(key);
            }
        }

        return lost;
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await Task.WhenAll(_running);
        await _client.DisposeAsync();
        _end.Dispose();
    }

    private async Task WorkAsync(IKeyspace<string, string> keyspace, int worker, TimeSpan period)
    {
        const int KeysOfWorker = 16;
        using var pace = new PeriodicTimer(period);
        for (var number = 0L; !_end.IsCancellationRequested; number++)
        {
            var key = $"load-{worker}-{number % KeysOfWorker}";
            var value = $"{number}";
            try
            {
                var begun = Stopwatch.GetTimestamp();
                await keyspace.PutAsync(key, value);
                var took = Stopwatch.GetTimestamp() - begun;
                Note(new LongestWrite(Stopwatch.GetElapsedTime(0, took), key, DateTimeOffset.UtcNow));
                _ticks.Enqueue(took);
                _last[key] = value;
                Interlocked.Increment(ref _writes);
                var read = await keyspace.GetAsync(key);
                if (read.Value != value)
                {
                    _violations.Enqueue($"{key}: {value} was acknowledged and {read.Value} read");
                }

                await pace.WaitForNextTickAsync(_end.Token);
            }
            catch (KvException error)
            {
                // Its outcome may be unknown, so the value of the key is open until it is written again.
                _last.TryRemove(key, out _);
                Interlocked.Increment(ref _failed);
                _violations.Enqueue($"{key}: {error.Message}");
            }
            catch (OperationCanceledException) when (_end.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private void Note(LongestWrite write)
    {
        lock (_gate)
        {
            if (write.Took > _longest.Took)
            {
                _longest = write;
            }
        }
    }
}

/// <summary>The longest write of a span of time, and when it was answered, so that the nodes' logs can be searched for it.</summary>
internal readonly record struct LongestWrite(TimeSpan Took, string Key, DateTimeOffset At);
