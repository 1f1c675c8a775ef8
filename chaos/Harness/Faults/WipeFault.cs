using KvRaft.Chaos.Cluster;

namespace KvRaft.Chaos.Faults;

/// <summary>
/// A node returns under its name with an empty disk. It must not count as the replica that voted and acknowledged before: it is refused and ends. Then it
/// gets its own disk back.
/// </summary>
internal sealed class WipeFault : IFault
{
    private const string With = "an empty disk";

    private int _node;
    private string _aside = "";

    public Task<string> PlanAsync(FaultScene scene)
    {
        _node = scene.AnyNode();
        _aside = scene.Cluster.DataDirectory(_node) + ".aside";
        return Task.FromResult(ChaosCluster.NameOf(_node));
    }

    public async Task InjectAsync(FaultScene scene)
    {
        var process = scene.Cluster.Process(_node);
        await process.KillAsync();
        scene.Totals.Kills++;
        Directory.Move(scene.Cluster.DataDirectory(_node), _aside);
        await RefusedStart.AwaitAsync(scene, _node, With);
    }

    public Task<Evidence> CheckActiveAsync(FaultScene scene) => Task.FromResult(RefusedStart.EvidenceOf(scene, _node, With));

    public TimeSpan Hold(Random random) => TimeSpan.FromMilliseconds(random.Next(200, 3000));

    public async Task HealAsync(FaultScene scene)
    {
        var data = scene.Cluster.DataDirectory(_node);
        if (Directory.Exists(data))
        {
            Directory.Delete(data, recursive: true);
        }

        Directory.Move(_aside, data);
        await scene.Cluster.Process(_node).StartAsync();
    }

    public Task<Evidence> CheckHealedAsync(FaultScene scene) => scene.ServeAsync(_node);
}
