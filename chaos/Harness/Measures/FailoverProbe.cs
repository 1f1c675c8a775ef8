using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using KvRaft.Client;

namespace KvRaft.Chaos.Measures;

/// <summary>
/// How long is a shard without its leader? From the moment after a kill, a client writes to one key of each shard that the node led, until a
/// write that began after the kill succeeds. A user waits for the same: the election, the discovery by the client, and the write itself. The
/// keys belong to the probe and are not in the history.
/// </summary>
internal sealed class FailoverProbe : IAsyncDisposable
{
    /// <summary>One attempt; short, so that the probe does not measure a request to the killed node.</summary>
    private static readonly TimeSpan AttemptPatience = TimeSpan.FromMilliseconds(250);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    /// <summary>A longer time is an outage and not a failover; it is counted as such, and is a violation.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly KvClient _client;
    private readonly Dictionary<int, string> _keys = [];
    private readonly ConcurrentBag<TimeSpan> _times = [];
    private readonly ConcurrentBag<Task> _running = [];
    private int _outages;

    private readonly CancellationToken _over;

    private FailoverProbe(KvClient client, CancellationToken over) => (_client, _over) = (client, over);

    public IReadOnlyCollection<TimeSpan> Times => _times;

    /// <summary>Shards that had no successful write within 30 s, though a majority of nodes was up.</summary>
    public int Outages => _outages;

    /// <param name="endpoints">Where the nodes serve clients.</param>
    /// <param name="shards">The number of shards.</param>
    /// <param name="over">Cancelled when the run has its verdict already: measurements in progress are dropped.</param>
    public static async Task<FailoverProbe> CreateAsync(IReadOnlyList<string> endpoints, int shards, CancellationToken over)
    {
        var probe = new FailoverProbe(KvClient.Connect($"kvraft://{string.Join(',', endpoints)}/default?timeout=1s&attempt=250ms&connect=250ms"), over);
        for (var number = 0; probe._keys.Count < shards; number++)
        {
            var key = $"probe{number}";
            var found = await probe._client.Administration.Calls.LocateAsync(null, [Encoding.UTF8.GetBytes(key)], CancellationToken.None);
            probe._keys.TryAdd(found.Locations[0].Shard.Shard, key);
        }

        return probe;
    }

    /// <summary>Measures in the background; the leader of these shards was ended just now.</summary>
    public void LeaderGone(IEnumerable<int> shards)
    {
        foreach (var shard in shards)
        {
            _running.Add(MeasureAsync(_keys[shard], Stopwatch.GetTimestamp()));
        }
    }

    public Task FinishAsync() => Task.WhenAll(_running);

    public async ValueTask DisposeAsync() => await _client.DisposeAsync();

    private async Task MeasureAsync(string key, long goneAt)
    {
        var keyspace = _client.TextKeyspace();
        while (!_over.IsCancellationRequested && Stopwatch.GetElapsedTime(goneAt) < Patience)
        {
            try
            {
                await keyspace.PutAsync(key, "probe", new KvWriteOptions { Timeout = AttemptPatience });
                _times.Add(Stopwatch.GetElapsedTime(goneAt));
                return;
            }
            catch (KvException)
            {
                await Task.Delay(Pause);
            }
        }

        if (!_over.IsCancellationRequested)
        {
            Interlocked.Increment(ref _outages);
        }
    }
}
