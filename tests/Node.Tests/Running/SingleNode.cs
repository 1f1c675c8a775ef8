namespace KvRaft.Node.Tests.Running;

/// <summary>One node for all tests that only send requests to it; each uses keys of its own.</summary>
public sealed class SingleNode : IAsyncLifetime
{
    private RunningCluster? _cluster;

    public RunningCluster Cluster => _cluster!;

    public async ValueTask InitializeAsync() => _cluster = await RunningCluster.StartAsync(nodes: 1, shards: 4);

    public async ValueTask DisposeAsync()
    {
        if (_cluster is not null)
        {
            await _cluster.DisposeAsync();
        }
    }
}
