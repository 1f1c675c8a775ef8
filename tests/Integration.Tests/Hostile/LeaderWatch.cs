using System.Diagnostics;
using Grpc.Core;
using Grpc.Net.Client;
using KvRaft.Integration.Tests.Processes;
using KvRaft.V1;

namespace KvRaft.Integration.Tests.Hostile;

/// <summary>Asks every node again and again which groups it leads, each on a connection of its own, and adds the answers to a <see cref="LeaderHistory"/>.</summary>
internal sealed class LeaderWatch : IAsyncDisposable
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(100);

    /// <summary>Long, because an answer that comes late proves something, and one that was given up proves nothing.</summary>
    private static readonly TimeSpan AnswerMax = TimeSpan.FromSeconds(10);

    /// <summary>How long a leader may take to answer once the attack is over.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly CancellationTokenSource _end = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly LeaderHistory _history;
    private readonly Lock _lock = new();
    private readonly Task[] _running;

    public LeaderWatch(ProcessCluster cluster)
    {
        _history = new LeaderHistory(cluster.Nodes.Count);
        _running = [.. cluster.Nodes.Select(node => Task.Run(() => WatchAsync(node, cluster.Endpoint(node))))];
    }

    /// <summary>The longest time for which a group is proven to have had no leader.</summary>
    public TimeSpan Longest
    {
        get
        {
            lock (_lock)
            {
                return TimeSpan.FromMilliseconds(_history.LongestMs);
            }
        }
    }

    /// <summary>Waits until each group has a leader that answers what is asked from now on.</summary>
    /// <returns>How long it took.</returns>
    public async Task<TimeSpan> AllLedAsync()
    {
        var began = _clock.ElapsedMilliseconds;
        while (true)
        {
            IReadOnlyList<int> missing;
            lock (_lock)
            {
                missing = _history.NotLedSince(began);
                if (missing.Count == 0 && _history.Groups > 0)
                {
                    return TimeSpan.FromMilliseconds(_clock.ElapsedMilliseconds - began);
                }
            }

            Assert.True(_clock.ElapsedMilliseconds - began < Patience.TotalMilliseconds, $"no leader of group {string.Join(", ", missing)} answered for {Patience.TotalSeconds:0} s after the attack");
            await Task.Delay(Pace);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await Task.WhenAll(_running);
        _end.Dispose();
    }

    private async Task WatchAsync(string node, string endpoint)
    {
        using var channel = GrpcChannel.ForAddress($"http://{endpoint}");
        var admin = new Admin.AdminClient(channel);
        while (!_end.IsCancellationRequested)
        {
            try
            {
                var asked = _clock.ElapsedMilliseconds;
                var answer = await admin.StatusAsync(new StatusRequest(), deadline: DateTime.UtcNow + AnswerMax, cancellationToken: _end.Token);
                lock (_lock)
                {
                    _history.Add(node, asked, _clock.ElapsedMilliseconds, answer.Groups);
                }
            }
            catch (RpcException)
            {
                // No answer, no proof.
            }

            await Task.WhenAny(Task.Delay(Pace, _end.Token));
        }
    }
}
