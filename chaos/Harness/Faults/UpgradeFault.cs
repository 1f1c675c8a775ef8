using KvRaft.Chaos.Cluster;

namespace KvRaft.Chaos.Faults;

/// <summary>An orderly stop, and a start as another build; the next time back again. Meanwhile nodes of both builds serve side by side.</summary>
internal sealed class UpgradeFault : IFault
{
    private readonly RestartFault _restart = new(new Victims(Whom.Any));

    public Task<string> PlanAsync(FaultScene scene) => _restart.PlanAsync(scene);

    public Task InjectAsync(FaultScene scene) => _restart.InjectAsync(scene);

    public Task<Evidence> CheckActiveAsync(FaultScene scene) => _restart.CheckActiveAsync(scene);

    public TimeSpan Hold(Random random) => _restart.Hold(random);

    public async Task HealAsync(FaultScene scene)
    {
        foreach (var node in _restart.Nodes)
        {
            var process = scene.Cluster.Process(node);
            process.Build = process.Build == scene.Cluster.Plan.Build ? scene.Cluster.Plan.OtherBuild! : scene.Cluster.Plan.Build;
        }

        await _restart.HealAsync(scene);
    }

    public async Task<Evidence> CheckHealedAsync(FaultScene scene)
    {
        var statuses = await scene.Cluster.StatusesAsync();
        var serving = FaultScene.Serving(statuses, _restart.Nodes);
        return serving.Holds ? Evidence.Seen(string.Join(", ", _restart.Nodes.Select(node => $"{ChaosCluster.NameOf(node)} serves as {statuses[node].ServerVersion}"))) : serving;
    }
}
