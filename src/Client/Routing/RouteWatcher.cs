using Grpc.Core;
using KvRaft.Client.Telemetry;
using KvRaft.Client.Transport;
using KvRaft.V1;
using Microsoft.Extensions.Logging;

namespace KvRaft.Client.Routing;

/// <summary>
/// Updates the <see cref="RouteCache"/>: one WatchRoutes stream to a node, and a stream to another node when it ends or is silent. Requests do not
/// wait for it; without a map they go to any node and are forwarded.
/// </summary>
internal sealed class RouteWatcher : IAsyncDisposable
{
    /// <summary>12 s: a node sends a message at least every 5 s, so two are missing, plus 2 s for a slow network.</summary>
    private static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(12);

    private readonly RouteCache _cache;
    private readonly ConnectionPool _connections;
    private readonly NodeHealth _health;
    private readonly KvClientOptions _options;
    private readonly Random _chance;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _firstMap = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _loop = Task.CompletedTask;
    private int _started;

    public RouteWatcher(
        RouteCache cache, ConnectionPool connections, NodeHealth health, KvClientOptions options, Random chance, ILogger log)
    {
        _cache = cache;
        _connections = connections;
        _health = health;
        _options = options;
        _chance = chance;
        _log = log;
    }

    /// <summary>Starts the watch once; later calls have no effect.</summary>
    public void Start()
    {
        if (Volatile.Read(ref _started) == 0 && Interlocked.Exchange(ref _started, 1) == 0)
        {
            _loop = Task.Run(WatchAsync);
        }
    }

    /// <summary>Completes when the first map has arrived.</summary>
    public Task FirstMapAsync(CancellationToken cancellationToken) => _firstMap.Task.WaitAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task WatchAsync()
    {
        var delay = TimeSpan.Zero;
        for (var turn = _chance.Next(); !_stop.IsCancellationRequested; turn++)
        {
            var question = new NodeQuestion(null, AnyReplica: true, Avoid: null, Hinted: null, turn);
            var endpoint = NodeChoice.Pick(question, _cache.Table, _options.Endpoints, _health.IsSuspect);
            try
            {
                if (await WatchNodeAsync(endpoint).ConfigureAwait(false))
                {
                    delay = TimeSpan.Zero;
                }
            }
            catch (Exception fault) when (fault is RpcException or OperationCanceledException or ObjectDisposedException)
            {
                if (_stop.IsCancellationRequested)
                {
                    return;
                }

                Log.WatchEnded(_log, endpoint, fault.Message);
            }

            delay = NextDelay(delay);
            await Task.Delay(delay, _options.TimeProvider, _stop.Token)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <returns>True if the node sent at least one message.</returns>
    private async Task<bool> WatchNodeAsync(string endpoint)
    {
        using var silence = new CancellationTokenSource(SilenceMax, _options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, silence.Token);
        var request = new WatchRoutesRequest { SinceEpoch = _cache.Table.Epoch };
        using var stream = _connections.To(endpoint).Routing.WatchRoutes(request, new CallOptions(cancellationToken: either.Token));
        var told = false;
        while (await stream.ResponseStream.MoveNext(either.Token).ConfigureAwait(false))
        {
            silence.CancelAfter(SilenceMax);
            told = true;
            Accept(stream.ResponseStream.Current, endpoint);
        }

        return told;
    }

    private void Accept(RouteUpdate update, string endpoint)
    {
        if (update.Map is { } map && _cache.Offer(map))
        {
            Log.MapReceived(_log, map.Epoch, map.Nodes.Count, map.ShardCount, endpoint);
            _firstMap.TrySetResult();
        }

        _cache.Offer(update.Leaders);
    }

    private TimeSpan NextDelay(TimeSpan last)
    {
        var upper = Math.Clamp(last.Ticks * 3, RetryPolicy.DelayMin.Ticks * 3, RetryPolicy.DelayMax.Ticks);
        return TimeSpan.FromTicks(RetryPolicy.DelayMin.Ticks + (long)(_chance.NextDouble() * (upper - RetryPolicy.DelayMin.Ticks)));
    }
}
