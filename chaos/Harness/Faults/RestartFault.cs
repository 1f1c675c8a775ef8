using KvRaft.Chaos.Cluster;

namespace KvRaft.Chaos.Faults;

/// <summary>An orderly stop (SIGTERM), as before an upgrade, and a restart. If a node does not stop in time, that is a finding.</summary>
internal sealed class RestartFault(Victims victims) : IFault
{
    /// <summary>The node grants calls in progress 5 s; the rest is for a busy machine.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private Target _target = Target.None;
    private string? _fault;

    /// <summary>The affected nodes, once planned.</summary>
    public IReadOnlyList<int> Nodes => _target.Nodes;

    public async Task<string> PlanAsync(FaultScene scene)
    {
        _target = await victims.ChooseAsync(scene);
        return _target.ToString();
    }

    public async Task InjectAsync(FaultScene scene)
    {
        foreach (var node in _target.Nodes)
        {
            var exitCode = await scene.Cluster.Process(node).StopAsync(Patience);
            if (exitCode != 0)
            {
                _fault = exitCode is null ? $"{ChaosCluster.NameOf(node)} did not stop within {Patience.TotalSeconds:0} s" : $"{ChaosCluster.NameOf(node)} stopped with exit code {exitCode}";
                scene.Totals.Complain(_fault);
            }
        }
    }

    public Task<Evidence> CheckActiveAsync(FaultScene scene) => Task.FromResult(
        _fault is { } fault ? Evidence.Missing(fault) : Evidence.Seen($"{FaultScene.Names(_target.Nodes)} stopped with exit code 0"));

    public TimeSpan Hold(Random random) => TimeSpan.FromMilliseconds(random.Next(200, 3000));

    public Task HealAsync(FaultScene scene) => Task.WhenAll(_target.Nodes.Select(node => scene.Cluster.Process(node).StartAsync()));

    public Task<Evidence> CheckHealedAsync(FaultScene scene) => scene.ServeAsync([.. _target.Nodes]);
}
