using KvRaft.Chaos.Cluster;

namespace KvRaft.Chaos.Faults;

/// <summary>
/// A node comes back under its name with an empty disk. It must not pass for the replica that voted and acknowledged before: it is refused and ends. Then it
/// gets its own disk back.
/// </summary>
internal sealed class WipeFault : IFault
{
    private static readonly TimeSpan RefusalPatience = TimeSpan.FromSeconds(30);

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
        await process.StartAsync();
        process.MayEnd(expected: true);
        using var limit = new CancellationTokenSource(RefusalPatience);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            await process.KillAsync();
            throw new FaultException($"{ChaosCluster.NameOf(_node)} was not refused with an empty disk within {RefusalPatience.TotalSeconds:0} s");
        }
    }

    public Task<Evidence> CheckActiveAsync(FaultScene scene)
    {
        var process = scene.Cluster.Process(_node);
        return Task.FromResult(process.IsRunning || process.ExitCode == 0
            ? Evidence.Missing("it runs with an empty disk")
            : Evidence.Seen("it is refused with an empty disk"));
    }

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
