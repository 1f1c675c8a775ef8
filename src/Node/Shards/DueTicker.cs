using System.Collections.Concurrent;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Node.Telemetry;
using KvRaft.Raft.Proposals;
using KvRaft.Topology;

namespace KvRaft.Node.Shards;

/// <summary>
/// Advances the time in shards without writes: at a fixed interval it queries every leading replica here for the command that is due
/// by time alone, and proposes it. A refused tick is not repeated; the next one includes its
/// work.
/// </summary>
internal sealed class DueTicker(NodeOptions options, ShardTable table, NodeFailure failure, TimeProvider time, ILogger<DueTicker> logger)
    : BackgroundService
{
    // One tick of a shard at a time: a shard that is slow to apply them must not collect a queue of ticks.
    private readonly ConcurrentDictionary<ShardId, byte> _underWay = new();

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => failure.GuardAsync(TickForeverAsync, stoppingToken);

    private async Task TickForeverAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Timings.DueInterval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            foreach (var replica in table.All)
            {
                if (replica.IsLeader && _underWay.TryAdd(replica.Shard, 0))
                {
                    failure.Begin(() => TickAsync(replica));
                }
            }
        }
    }

    private async Task TickAsync(ShardReplica replica)
    {
        try
        {
            var status = await replica.TickAsync();
            if (status != ProposalStatus.Applied)
            {
                logger.DueCommandRefused(replica.Shard, status);
            }
        }
        catch (ObjectDisposedException)
        {
            // The replica was closed meanwhile; its next leader ticks.
        }
        finally
        {
            _underWay.TryRemove(replica.Shard, out _);
        }
    }
}
