using KvRaft.Node.Options;
using KvRaft.Node.Telemetry;
using KvRaft.Raft.Groups;

namespace KvRaft.Node.Lifecycle;

/// <summary>Turns a log that is no longer reliable, a refusal by another node, and a fault in the work for all groups into the failure of the node.</summary>
internal sealed class RaftWatch(NodeOptions options, RaftHost raft, NodeFailure failure, ILogger<RaftWatch> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var ended = await Task.WhenAny(raft.Failure, raft.Refusal, raft.Fault, failure.Happened, Task.Delay(Timeout.Infinite, stoppingToken));
        if (ended.IsFaulted)
        {
            var cause = ended.Exception.GetBaseException();
            failure.Report(cause);
            logger.NodeFails(cause, options.NodeId);
        }
    }
}
