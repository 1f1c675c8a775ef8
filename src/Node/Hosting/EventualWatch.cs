using KvRaft.Eventual.Replicas;
using KvRaft.Node.Options;
using KvRaft.Node.Telemetry;

namespace KvRaft.Node.Hosting;

/// <summary>Makes a store of eventual keys that can no longer be trusted the failure of the node.</summary>
internal sealed class EventualWatch(NodeOptions options, EventualReplica replica, NodeFailure failure, ILogger<EventualWatch> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var ended = await Task.WhenAny(replica.Failure, failure.Happened, Task.Delay(Timeout.Infinite, stoppingToken));
        if (ended.IsFaulted)
        {
            var cause = ended.Exception.GetBaseException();
            failure.Report(cause);
            logger.NodeFails(cause, options.NodeId);
        }
    }
}
