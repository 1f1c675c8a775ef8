using KvRaft.Node.Cluster;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Telemetry;
using KvRaft.Storage.Commands;
using KeyspaceId = KvRaft.Storage.Schema.KeyspaceId;

namespace KvRaft.Node.Shards;

/// <summary>
/// Removes the data of dropped keyspaces from the shards this node leads. If a shard still counts keys under the id of a dropped keyspace, there is
/// data to remove: a leader that starts in the middle needs no record of the drop, and a late write that is applied after the removal is found
/// the next time.
/// </summary>
internal sealed class KeyspaceSweeper(
    PlacementAgent placement, ShardTable shards, ShardMapHolder map, NodeFailure failure, TimeProvider time, ILogger<KeyspaceSweeper> logger)
    : BackgroundService
{
    /// <summary>
    /// Longer than a write routed by the old map may be in progress: the check after this time finds it. Also the pace at
    /// which refused removals are repeated.
    /// </summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => failure.GuardAsync(SweepForeverAsync, stoppingToken);

    private async Task SweepForeverAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            // Taken before the state is read; see ChangeSignal.
            var news = map.Changes.Next;
            foreach (var keyspace in placement.State.DroppedKeyspaces())
            {
                await DropAsync(new KeyspaceId(keyspace.Value), cancellationToken);
            }

            await Task.WhenAny(news, Task.Delay(Interval, time, cancellationToken)).WaitAsync(cancellationToken);
        }
    }

    private async Task DropAsync(KeyspaceId keyspace, CancellationToken cancellationToken)
    {
        foreach (var replica in shards.All.Where(replica => replica.IsLeader))
        {
            try
            {
                if (replica.Store.GetKeyspaceCounters(keyspace).Keys > 0)
                {
                    var result = await replica.Group.ProposeAsync(
                        CommandCodec.Encode(new DropKeyspaceCommand(keyspace)), cancellationToken);
                    logger.KeyspaceSwept(replica.Shard, keyspace.Value, result.Status);
                }
            }
            catch (ObjectDisposedException)
            {
                // The replica was closed meanwhile; its next leader sweeps.
            }
        }
    }
}
