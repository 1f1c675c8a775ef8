using KvRaft.Node.Cluster;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Telemetry;
using KvRaft.Storage.Commands;
using KeyspaceId = KvRaft.Storage.Schema.KeyspaceId;

namespace KvRaft.Node.Shards;

/// <summary>
/// Removes the data of dropped keyspaces from the shards this node leads. A shard that still counts keys under the id of a dropped one has
/// something to remove: a leader that begins in the middle needs no memory of the drop, and a straggling write that lands after the removal is found
/// the next time.
/// </summary>
internal sealed class KeyspaceSweeper(
    PlacementAgent placement, ShardTable shards, ShardMapHolder map, NodeFailure failure, TimeProvider time, ILogger<KeyspaceSweeper> logger)
    : BackgroundService
{
    /// <summary>
    /// How long a write routed by the old map may still be under way, and then some: the look after this long finds it. Also the pace at
    /// which refused removals are tried again.
    /// </summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => failure.GuardAsync(SweepForeverAsync, stoppingToken);

    private async Task SweepForeverAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            // Taken before looking; see ChangeSignal.
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
