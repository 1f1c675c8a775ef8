namespace KvRaft.Node.Http;

/// <summary>
/// The caller controls the lifetime of the node: a process may run several nodes, so none of them may handle signals by itself, as the
/// default lifetime would.
/// </summary>
internal sealed class CallersLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
