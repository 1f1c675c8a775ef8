namespace KvRaft.Chaos.Faults;

/// <summary>A partition that begins and ends every half to two seconds, about as long as an election, in another shape each time.</summary>
internal sealed class FlappingFault : IFault
{
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private PartitionShape _first = new("", []);
    private Task _loop = Task.CompletedTask;

    public Task<string> PlanAsync(FaultScene scene)
    {
        _first = PartitionShape.Halves(scene.AnyNodes(scene.Cluster.Plan.Nodes));
        return Task.FromResult($"from {_first.Detail}");
    }

    public async Task InjectAsync(FaultScene scene)
    {
        await scene.Network.CutAsync(_first.Cuts);
    }

    public async Task<Evidence> CheckActiveAsync(FaultScene scene)
    {
        var evidence = await Cuts.CheckActiveAsync(scene, _first);
        _loop = Task.Run(() => LoopAsync(scene));
        return evidence;
    }

    // Several partitions.
    public TimeSpan Hold(Random random) => TimeSpan.FromSeconds(random.Next(8, 15));

    public async Task HealAsync(FaultScene scene)
    {
        _end.SetResult();
        await _loop;
        await scene.Network.MendAllAsync();
    }

    public Task<Evidence> CheckHealedAsync(FaultScene scene) => Cuts.CheckHealedAsync(scene, _first);

    private async Task LoopAsync(FaultScene scene)
    {
        while (!_end.Task.IsCompleted)
        {
            await PauseAsync(scene);
            await scene.Network.MendAllAsync();
            await PauseAsync(scene);
            if (!_end.Task.IsCompleted)
            {
                await scene.Network.CutAsync(PartitionShape.Halves(scene.AnyNodes(scene.Cluster.Plan.Nodes)).Cuts);
            }
        }
    }

    private Task PauseAsync(FaultScene scene) => Task.WhenAny(_end.Task, Task.Delay(scene.Random.Next(500, 2000)));
}
