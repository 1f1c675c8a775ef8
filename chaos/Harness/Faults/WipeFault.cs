using KvRaft.Chaos.Cluster;

namespace KvRaft.Chaos.Faults;

/// <summary>
/// A node loses all it had and comes back under its name with an empty disk. It must not pass for the replica that voted and
/// acknowledged before.
/// </summary>
internal sealed class WipeFault : IFault
{
    private int _node;

    public Task<string> PlanAsync(FaultScene scene)
    {
        _node = scene.AnyNode();
        return Task.FromResult(ChaosCluster.NameOf(_node));
    }

    public async Task InjectAsync(FaultScene scene)
    {
        await scene.Cluster.Process(_node).KillAsync();
        scene.Totals.Kills++;
        Directory.Delete(scene.Cluster.DataDirectory(_node), recursive: true);
    }

    public Task<Evidence> CheckActiveAsync(FaultScene scene) => Task.FromResult(
        Directory.Exists(scene.Cluster.DataDirectory(_node)) ? Evidence.Missing("the data is there") : Evidence.Seen("the data directory is gone"));

    public TimeSpan Hold(Random random) => TimeSpan.FromMilliseconds(random.Next(200, 3000));

    public Task HealAsync(FaultScene scene)
    {
        scene.Cluster.Process(_node).Start();
        return Task.CompletedTask;
    }

    public Task<Evidence> CheckHealedAsync(FaultScene scene) => scene.ServeAsync(_node);
}
