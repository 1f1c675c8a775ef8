using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace KvRaft.Node.Lifecycle;

/// <summary>Whether the process can serve: its log is reliable and nothing made it fail. Health service <c>kvraft</c>.</summary>
internal sealed class Liveness(NodeFailure failure) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(failure.Happened.IsFaulted
            ? HealthCheckResult.Unhealthy("the node failed", failure.Happened.Exception)
            : HealthCheckResult.Healthy());
}
