using KvRaft.Chaos.Cluster;
using KvRaft.Chaos.Machine;

namespace KvRaft.Chaos.Faults;

/// <summary>Nodes that stop as a whole and continue later with their state unchanged: SIGSTOP, SIGCONT.</summary>
internal sealed class PauseFault(Victims victims) : IFault
{
    private Target _target = Target.None;

    public async Task<string> PlanAsync(FaultScene scene)
    {
        _target = await victims.ChooseAsync(scene);
        return _target.ToString();
    }

    public Task InjectAsync(FaultScene scene) => SignalAsync(scene, "STOP");

    public Task<Evidence> CheckActiveAsync(FaultScene scene) => Task.FromResult(
        _target.Nodes.FirstOrDefault(node => ProcessTable.State(scene.Cluster.Process(node).Pid) != 'T', -1) is >= 0 and var moving
            ? Evidence.Missing($"{ChaosCluster.NameOf(moving)} is not stopped")
            : Evidence.Seen($"{FaultScene.Names(_target.Nodes)} in state T"));

    // From much less than an election to much more.
    public TimeSpan Hold(Random random) => TimeSpan.FromMilliseconds(random.Next(500, 8000));

    public Task HealAsync(FaultScene scene) => SignalAsync(scene, "CONT");

    public Task<Evidence> CheckHealedAsync(FaultScene scene) => scene.ServeAsync([.. _target.Nodes]);

    private Task SignalAsync(FaultScene scene, string signal) => Task.WhenAll(_target.Nodes.Select(node => scene.Cluster.Process(node).SignalAsync(signal)));
}
