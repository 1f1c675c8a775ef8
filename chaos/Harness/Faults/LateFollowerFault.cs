using System.Diagnostics;
using KvRaft.Chaos.Cluster;

namespace KvRaft.Chaos.Faults;

/// <summary>
/// Of five voters one is paused until it lacks much. Then it goes on while two others are paused, so that the leader has no majority without it while it is sent what it lacks. Last, the
/// leader and the one follower that kept up are killed, and the paused ones go on. Five voters survive two that are gone: whatever was acknowledged must be there. It is
/// gone if an answer of the late one to older entries was counted for newer ones.
/// </summary>
internal sealed class LateFollowerFault : IFault
{
    private static readonly TimeSpan ServePatience = TimeSpan.FromSeconds(20);

    private int _late;
    private int[] _paused = [];
    private int[] _killed = [];

    public async Task<string> PlanAsync(FaultScene scene)
    {
        var (leader, shard) = await scene.AnyLeaderAsync();
        var others = scene.AnyNodes(scene.Cluster.Plan.Nodes).Where(node => node != leader).ToArray();
        (_late, _paused, _killed) = (others[0], others[1..3], [leader, .. others[3..]]);
        return $"{ChaosCluster.NameOf(_late)} late, then without {FaultScene.Names(_paused)}, then without {FaultScene.Names(_killed)} leading s{shard}";
    }

    public async Task InjectAsync(FaultScene scene)
    {
        await SignalAsync(scene, "STOP", _late);
        await Task.Delay(scene.Random.Next(6_000, 10_000));
        await SignalAsync(scene, "STOP", _paused);
        await SignalAsync(scene, "CONT", _late);
        await Task.Delay(scene.Random.Next(200, 1_500));
        await Task.WhenAll(_killed.Select(node => scene.Cluster.Process(node).KillAsync()));
        scene.Totals.Kills += _killed.Length;
        await SignalAsync(scene, "CONT", _paused);
    }

    public Task<Evidence> CheckActiveAsync(FaultScene scene) => Task.FromResult(
        _killed.FirstOrDefault(node => scene.Cluster.Process(node).IsRunning, -1) is >= 0 and var alive
            ? Evidence.Missing($"{ChaosCluster.NameOf(alive)} runs")
            : Evidence.Seen($"no process of {FaultScene.Names(_killed)}"));

    // The three that are left elect a leader first, and what it lacks must be seen.
    public TimeSpan Hold(Random random) => TimeSpan.FromMilliseconds(random.Next(5_000, 8_000));

    public async Task HealAsync(FaultScene scene)
    {
        // Not before the three serve without the two: they would be taught what they lack.
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < ServePatience && !(await scene.ServeAsync([_late, .. _paused])).Holds;)
        {
            await Task.Delay(200);
        }

        await Task.WhenAll(_killed.Select(node => scene.Cluster.Process(node).StartAsync()));
    }

    public Task<Evidence> CheckHealedAsync(FaultScene scene) => scene.ServeAsync([.. scene.Cluster.Plan.Numbers]);

    private static Task SignalAsync(FaultScene scene, string signal, params int[] nodes) => Task.WhenAll(nodes.Select(node => scene.Cluster.Process(node).SignalAsync(signal)));
}
