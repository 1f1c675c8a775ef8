namespace KvRaft.Node.Http;

/// <summary>
/// The node's life is its caller's: a process may run several nodes, so none of them may listen to signals by itself, as the
/// default lifetime would.
/// </summary>
internal sealed class CallersLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
