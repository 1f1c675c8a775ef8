using KvRaft.Node.Cluster;
using KvRaft.Node.Telemetry;
using KvRaft.Topology;

namespace KvRaft.Node.Shards;

/// <summary>Logs when this node starts or stops leading a shard, and wakes the code that waits for news about leaders.</summary>
internal sealed class LeadershipEvents(NodeId self, ShardReplica replica, ChangeSignal changes, ILogger logger)
{
    private int _led;

    /// <summary>May be called more often than leadership changes, from any thread.</summary>
    public void Tell()
    {
        var leads = replica.IsLeader ? 1 : 0;
        if (Interlocked.Exchange(ref _led, leads) != leads)
        {
            if (leads == 1)
            {
                logger.LeadsShard(self, replica.Shard, replica.Group.Term);
            }
            else
            {
                logger.LeadsShardNoMore(self, replica.Shard);
            }
        }

        changes.Raise();
    }
}
