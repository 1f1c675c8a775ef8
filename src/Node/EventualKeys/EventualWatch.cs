using KvRaft.Eventual.Replicas;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Node.Telemetry;

namespace KvRaft.Node.EventualKeys;

/// <summary>
/// Turns a failed disk of the store of eventual keys into the failure of the node, and logs the faults from which the store recovers itself: a full disk, a refusal by the system, and damaged files.
/// </summary>
internal sealed class EventualWatch(NodeOptions options, EventualReplica replica, NodeFailure failure, ILogger<EventualWatch> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var (stopping, told) = (Task.Delay(Timeout.Infinite, stoppingToken), StoreHealth.Well);
        while (true)
        {
            var changed = replica.HealthChanged;
            Tell(told, told = replica.Health);
            var ended = await Task.WhenAny(replica.Failure, failure.Happened, changed, stopping);
            if (ended.IsFaulted)
            {
                var cause = ended.Exception.GetBaseException();
                failure.Report(cause);
                logger.NodeFails(cause, options.NodeId);
            }

            if (ended != changed)
            {
                return;
            }
        }
    }

    private void Tell(StoreHealth before, StoreHealth now)
    {
        if (now.Rebuilds > before.Rebuilds)
        {
            logger.EventualStoreDamaged(options.NodeId, now.Outage?.Reason ?? "");
        }

        if (now.Outage is { Kind: OutageKind.NoRoom } full && before.Outage?.Kind != OutageKind.NoRoom)
        {
            logger.EventualStoreFull(options.NodeId, full.Reason);
        }

        if (now.Outage is { Kind: OutageKind.Refused } refused && before.Outage?.Kind != OutageKind.Refused)
        {
            logger.EventualStoreRefused(options.NodeId, refused.Reason);
        }

        if (now.Outage is null && before.Outage is not null)
        {
            logger.EventualStoreOpen(options.NodeId, now.Rebuilds, now.RecordsLost);
        }

        if (now.RecordsSetAside > before.RecordsSetAside)
        {
            logger.EventualRecordsSetAside(options.NodeId, now.RecordsSetAside);
        }

        if (before.HasSetAside && !now.HasSetAside)
        {
            logger.EventualStoreComplete(options.NodeId);
        }
    }
}
