using KvRaft.Chaos.Cluster;

namespace KvRaft.Chaos.Faults;

/// <summary>kill -9 of some nodes, and a restart later.</summary>
internal sealed class KillFault(Victims victims) : IFault
{
    private Target _target = Target.None;

    public async Task<string> PlanAsync(FaultScene scene)
    {
        _target = await victims.ChooseAsync(scene);
        return _target.ToString();
    }

    public async Task InjectAsync(FaultScene scene)
    {
        await Task.WhenAll(_target.Nodes.Select(node => scene.Cluster.Process(node).KillAsync()));
        scene.Totals.Kills += _target.Nodes.Count;
        if (_target.Nodes.Count == 1)
        {
            // If more nodes are down, a shard may have no majority, and waits for the heal and not for an election.
            scene.Failovers.LeaderGone(_target.LedShards);
        }
    }

    public Task<Evidence> CheckActiveAsync(FaultScene scene) => Task.FromResult(
        _target.Nodes.FirstOrDefault(node => scene.Cluster.Process(node).IsRunning, -1) is >= 0 and var alive
            ? Evidence.Missing($"{ChaosCluster.NameOf(alive)} runs")
            : Evidence.Seen($"no process of {FaultScene.Names(_target.Nodes)}"));

    public Task HealAsync(FaultScene scene) => Task.WhenAll(_target.Nodes.Select(node => scene.Cluster.Process(node).StartAsync()));

    public Task<Evidence> CheckHealedAsync(FaultScene scene) => scene.ServeAsync([.. _target.Nodes]);
}
