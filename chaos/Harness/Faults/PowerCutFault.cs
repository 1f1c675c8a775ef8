using KvRaft.Chaos.Cluster;

namespace KvRaft.Chaos.Faults;

/// <summary>
/// Cuts the power of several nodes at one moment: the fault stops each process, discards the unsynced writes of its file system, and kills the
/// process. Then it mounts the file system again, which replays the journal, and starts the node.
/// </summary>
internal sealed class PowerCutFault(Victims victims) : IFault
{
    private readonly List<string> _dead = [];
    private Target _target = Target.None;

    public async Task<string> PlanAsync(FaultScene scene)
    {
        _target = await victims.ChooseAsync(scene);
        return _target.ToString();
    }

    public async Task InjectAsync(FaultScene scene)
    {
        // All are stopped first: no node may see the end of another and act on it before its own.
        await Task.WhenAll(_target.Nodes.Select(node => scene.Cluster.Process(node).SignalAsync("STOP")));
        foreach (var node in _target.Nodes)
        {
            scene.Cluster.Volumes[node].CutPower();
            if (scene.Cluster.Volumes[node].IsDead())
            {
                _dead.Add(ChaosCluster.NameOf(node));
            }
        }

        await Task.WhenAll(_target.Nodes.Select(node => scene.Cluster.Process(node).KillAsync()));
        scene.Totals.PowerCuts += _target.Nodes.Count;
        scene.Totals.PowerCutsOfAll += _target.Nodes.Count == scene.Cluster.Plan.Nodes ? 1 : 0;
        if (_target.Nodes.Count == 1)
        {
            scene.Failovers.LeaderGone(_target.LedShards);
        }
    }

    public Task<Evidence> CheckActiveAsync(FaultScene scene) => Task.FromResult(
        _dead.Count < _target.Nodes.Count ? Evidence.Missing($"only {string.Join(',', _dead)} refused writes")
        : _target.Nodes.Any(node => scene.Cluster.Process(node).IsRunning) ? Evidence.Missing("a process still runs")
        : Evidence.Seen($"the file systems of {string.Join(',', _dead)} refused writes, no process"));

    public TimeSpan Hold(Random random) => TimeSpan.FromMilliseconds(random.Next(200, 4000));

    public async Task HealAsync(FaultScene scene)
    {
        foreach (var node in _target.Nodes)
        {
            await scene.Cluster.Volumes[node].RestorePowerAsync();
        }

        await Task.WhenAll(_target.Nodes.Select(node => scene.Cluster.Process(node).StartAsync()));
    }

    public async Task<Evidence> CheckHealedAsync(FaultScene scene)
    {
        var statuses = await scene.Cluster.StatusesAsync();

        // Synced data survives a power loss, so no replica needs a rebuild from others: a node that reports one acknowledged data that it had not synced.
        foreach (var loss in FaultScene.Rebuilt(statuses, _target.Nodes))
        {
            scene.Totals.Complain($"a power cut lost synced data: {loss}");
        }

        return FaultScene.Serving(statuses, _target.Nodes);
    }
}
