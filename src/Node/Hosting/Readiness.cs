using KvRaft.Node.Cluster;
using KvRaft.Node.Options;
using KvRaft.Node.Shards;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace KvRaft.Node.Hosting;

/// <summary>
/// Whether this node should receive requests: it has a shard map, all its replicas run, and each of their shards has a leader.
/// Health service <c>kvraft.ready</c>.
/// </summary>
internal sealed class Readiness(NodeOptions options, ShardMapHolder map, ShardTable shards) : IHealthCheck
{
    /// <summary>The missing condition, as text; null if there is none.</summary>
    public string? WhyNot()
    {
        if (map.Current.Map is not { } current)
        {
            return "no shard map yet";
        }

        foreach (var shard in current.ShardsOn(options.NodeId))
        {
            if (shards.Find(shard.Id) is not { } replica)
            {
                return $"the replica of shard {shard.Id} is not open yet";
            }

            if (!replica.IsRunning)
            {
                return $"the replica of shard {shard.Id} does not serve yet";
            }

            // If this node is the leader, that counts only once its term is confirmed.
            if (replica.Leader is not { } leader || (leader == options.NodeId && !replica.IsLeader))
            {
                return $"shard {shard.Id} has no leader";
            }
        }

        return null;
    }

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(WhyNot() is { } why ? HealthCheckResult.Unhealthy(why) : HealthCheckResult.Healthy());
}
