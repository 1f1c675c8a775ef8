using KvRaft.Eventual.Replicas;
using KvRaft.Node.Cluster;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Telemetry;
using KvRaft.Storage;

namespace KvRaft.Node.EventualKeys;

/// <summary>
/// Removes this node's copies of eventual keyspaces that were dropped; a late write that arrives afterwards is found the next time.
/// </summary>
internal sealed class EventualSweeper(
    PlacementAgent placement, EventualReplica replica, ShardMapHolder map, NodeFailure failure, TimeProvider time, ILogger<EventualSweeper> logger)
    : BackgroundService
{
    /// <summary>Longer than a write routed by the old map may be in progress.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => failure.GuardAsync(SweepForeverAsync, stoppingToken);

    private async Task SweepForeverAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            // Taken before the state is read; see ChangeSignal.
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
                // The store has no disk space, is being rebuilt, or closes; the next check does the same work. A failed store is reported elsewhere.
            }

            await Task.WhenAny(news, Task.Delay(Interval, time, cancellationToken)).WaitAsync(cancellationToken);
        }
    }
}
