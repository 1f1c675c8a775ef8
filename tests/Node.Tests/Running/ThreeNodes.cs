namespace KvRaft.Node.Tests.Running;

/// <summary>Three nodes for all tests of a class.</summary>
public sealed class ThreeNodes : IAsyncLifetime
{
    public RunningCluster Cluster { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Cluster = await RunningCluster.StartAsync(3);

    public ValueTask DisposeAsync() => Cluster.DisposeAsync();
}
