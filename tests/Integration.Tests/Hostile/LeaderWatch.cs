using System.Diagnostics;
using KvRaft.Integration.Tests.Processes;
using KvRaft.V1;

namespace KvRaft.Integration.Tests.Hostile;

/// <summary>
/// Asks every node again and again which groups it leads. A group is without a leader from a look in which all nodes answered and none led it until any node says that it leads it;
/// a node that does not answer proves nothing.
/// </summary>
internal sealed class LeaderWatch : IAsyncDisposable
{
    private readonly CancellationTokenSource _end = new();
    private readonly Task _running;
    private readonly Dictionary<int, long> _since = [];

    public LeaderWatch(ProcessCluster cluster) => _running = Task.Run(() => WatchAsync(cluster));

    public TimeSpan Longest { get; private set; }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _running;
        _end.Dispose();
    }

    private async Task WatchAsync(ProcessCluster cluster)
    {
        while (!_end.IsCancellationRequested)
        {
            var answers = await Task.WhenAll(cluster.Nodes.Select(cluster.StatusAsync));
            Judge(
                answers.SelectMany(static answer => answer?.Groups ?? []).ToLookup(static group => group.Group),
                isWhole: answers.All(static answer => answer is not null));

            await Task.WhenAny(Task.Delay(100, _end.Token));
        }
    }

    private void Judge(ILookup<int, GroupStatus> groups, bool isWhole)
    {
        var now = Stopwatch.GetTimestamp();
        foreach (var group in groups)
        {
            if (group.Any(static replica => replica.Role == ReplicaRole.Leader))
            {
                _since.Remove(group.Key);
            }
            else if (isWhole && _since.TryAdd(group.Key, now) is false && Stopwatch.GetElapsedTime(_since[group.Key], now) is var lasted && lasted > Longest)
            {
                Longest = lasted;
            }
        }
    }
}
