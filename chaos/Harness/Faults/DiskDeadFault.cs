using KvRaft.Chaos.Cluster;

namespace KvRaft.Chaos.Faults;

/// <summary>
/// The disk of a running node dies: every write and sync fails with EIO. After that the content of the disk is unknown, so the node must end by
/// itself, soon, and not retry.
/// </summary>
internal sealed class DiskDeadFault : IFault
{
    /// <summary>Under load every node syncs within a heartbeat interval or two; the rest is for a busy machine.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private int _node;
    private bool _ended;
    private IReadOnlyList<int> _led = [];

    public async Task<string> PlanAsync(FaultScene scene)
    {
        var (node, _) = await scene.AnyLeaderAsync();
        _node = node;
        _led = [.. (await scene.Cluster.LeadersAsync()).Where(pair => pair.Value == node).Select(pair => pair.Key)];
        return ChaosCluster.NameOf(node);
    }

    public async Task InjectAsync(FaultScene scene)
    {
        var process = scene.Cluster.Process(_node);
        process.MayEnd(expected: true);
        scene.Cluster.Volumes[_node].CutPower();
        scene.Failovers.LeaderGone(_led);
        using var limit = new CancellationTokenSource(Patience);
        try
        {
            await process.WaitForExitAsync(limit.Token);
            _ended = true;
        }
        catch (OperationCanceledException)
        {
            scene.Totals.Complain($"{ChaosCluster.NameOf(_node)} continued for {Patience.TotalSeconds:0} s with a dead disk");
        }
    }

    public Task<Evidence> CheckActiveAsync(FaultScene scene) => Task.FromResult(
        !scene.Cluster.Volumes[_node].IsDead() ? Evidence.Missing("the file system takes writes")
        : _ended ? Evidence.Seen($"writes refused, {ChaosCluster.NameOf(_node)} ended with exit code {scene.Cluster.Process(_node).ExitCode}")
        : Evidence.Seen("writes refused, the node continues"));

    public TimeSpan Hold(Random random) => TimeSpan.FromMilliseconds(random.Next(200, 3000));

    public async Task HealAsync(FaultScene scene)
    {
        await scene.Cluster.Process(_node).KillAsync();
        await scene.Cluster.Volumes[_node].RestorePowerAsync();
        await scene.Cluster.Process(_node).StartAsync();
    }

    public Task<Evidence> CheckHealedAsync(FaultScene scene) => scene.ServeAsync(_node);
}
