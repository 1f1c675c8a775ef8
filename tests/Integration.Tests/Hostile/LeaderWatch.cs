using System.Diagnostics;
using Grpc.Core;
using Grpc.Net.Client;
using KvRaft.Integration.Tests.Processes;
using KvRaft.V1;

namespace KvRaft.Integration.Tests.Hostile;

/// <summary>Asks every node repeatedly which groups it leads, each on its own connection, and adds the answers to a <see cref="LeaderHistory"/>.</summary>
internal sealed class LeaderWatch : IAsyncDisposable
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(100);

    /// <summary>Long, because a late answer proves something, and an abandoned request proves nothing.</summary>
    private static readonly TimeSpan AnswerMax = TimeSpan.FromSeconds(10);

    /// <summary>The time within which each leader must answer after the attack.</summary>
    private static readonly TimeSpan RecoveryMax = TimeSpan.FromSeconds(30);

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

    /// <summary>Waits until a leader of each group has answered a question that was asked after this call.</summary>
    /// <returns>The duration of the wait.</returns>
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

            Assert.True(_clock.ElapsedMilliseconds - began < RecoveryMax.TotalMilliseconds, $"no leader of group {string.Join(", ", missing)} answered for {RecoveryMax.TotalSeconds:0} s after the attack");
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
                // A node that does not answer proves nothing.
            }

            await Task.WhenAny(Task.Delay(Pace, _end.Token));
        }
    }
}
