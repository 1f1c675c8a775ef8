using KvRaft.Chaos.Cluster;

namespace KvRaft.Chaos.Faults;

/// <summary>Leaders receive a request to resign, as from an operator, one shard after another.</summary>
internal sealed class ResignFault : IFault
{
    private readonly List<string> _resigned = [];

    public Task<string> PlanAsync(FaultScene scene) => Task.FromResult("every shard");

    public async Task InjectAsync(FaultScene scene)
    {
        foreach (var (shard, node) in await scene.Cluster.LeadersAsync())
        {
            // Group 0 is the placement driver's; shard s is group s + 1.
            if (await scene.Cluster.Admin(node).ResignAsync(shard + 1) is { WasLeader: true })
            {
                _resigned.Add($"s{shard}:{ChaosCluster.NameOf(node)}");
            }
        }
    }

    public Task<Evidence> CheckActiveAsync(FaultScene scene) => Task.FromResult(
        _resigned.Count == 0 ? Evidence.Missing("no leader resigned") : Evidence.Seen($"resigned: {string.Join(' ', _resigned)}"));

    public TimeSpan Hold(Random random) => TimeSpan.FromMilliseconds(random.Next(500, 2500));

    public Task HealAsync(FaultScene scene) => Task.CompletedTask;

    public async Task<Evidence> CheckHealedAsync(FaultScene scene)
    {
        var led = await scene.Cluster.LeadersAsync();
        return led.Count == scene.Cluster.Plan.Shards ? Evidence.Seen("every shard is led") : Evidence.Missing($"{led.Count} of {scene.Cluster.Plan.Shards} shards are led");
    }
}
