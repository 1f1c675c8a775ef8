using KvRaft.Eventual.Replicas;
using KvRaft.Node.Cluster;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Telemetry;
using KvRaft.Storage;

namespace KvRaft.Node.EventualKeys;

/// <summary>
/// Removes this node's copies of eventual keyspaces that were dropped; a write that straggles in afterwards is found the next time.
/// </summary>
internal sealed class EventualSweeper(
    PlacementAgent placement, EventualReplica replica, ShardMapHolder map, NodeFailure failure, TimeProvider time, ILogger<EventualSweeper> logger)
    : BackgroundService
{
    /// <summary>As long as a write routed by the old map may still be under way, and then some.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => failure.GuardAsync(SweepForeverAsync, stoppingToken);

    private async Task SweepForeverAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            // Taken before looking; see ChangeSignal.
            var news = map.Changes.Next;
            var state = placement.State;
            try
            {
                foreach (var keyspace in state.DroppedKeyspaces().Intersect(replica.Trees.Keyspaces()))
                {
                    await replica.DropAsync(keyspace, cancellationToken);
                    logger.EventualKeyspaceSwept(keyspace.Value);
                }
            }
            catch (StorageException)
            {
                // The store has no room, is rebuilt, or closes; the next look is as good. One that failed is reported by itself.
            }

            await Task.WhenAny(news, Task.Delay(Interval, time, cancellationToken)).WaitAsync(cancellationToken);
        }
    }
}
