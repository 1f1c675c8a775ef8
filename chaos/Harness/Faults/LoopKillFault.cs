namespace KvRaft.Chaos.Faults;

/// <summary>One node after another is killed and restarted at once, every two to five seconds, whether it is ready by then or not.</summary>
internal sealed class LoopKillFault : IFault
{
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _loop = Task.CompletedTask;
    private int _kills;

    public Task<string> PlanAsync(FaultScene scene) => Task.FromResult("one after another");

    public Task InjectAsync(FaultScene scene)
    {
        _loop = Task.Run(() => LoopAsync(scene));
        return Task.CompletedTask;
    }

    public async Task<Evidence> CheckActiveAsync(FaultScene scene)
    {
        while (Volatile.Read(ref _kills) == 0 && !_loop.IsCompleted)
        {
            await Task.Delay(20);
        }

        return _loop.IsFaulted ? Evidence.Missing(_loop.Exception!.GetBaseException().Message) : Evidence.Seen($"{_kills} killed so far");
    }

    // Several rounds, or it would be a single kill.
    public TimeSpan Hold(Random random) => TimeSpan.FromSeconds(random.Next(12, 20));

    public async Task HealAsync(FaultScene scene)
    {
        _end.SetResult();
        await _loop;
    }

    public Task<Evidence> CheckHealedAsync(FaultScene scene) => scene.ServeAsync([.. scene.Cluster.Plan.Numbers]);

    private async Task LoopAsync(FaultScene scene)
    {
        while (!_end.Task.IsCompleted)
        {
            var node = scene.AnyNode();
            var led = (await scene.Cluster.LeadersAsync()).Where(pair => pair.Value == node).Select(pair => pair.Key).ToList();
            await scene.Cluster.Process(node).KillAsync();
            scene.Failovers.LeaderGone(led);
            scene.Totals.Kills++;
            Interlocked.Increment(ref _kills);
            await scene.Cluster.Process(node).StartAsync();
            await Task.WhenAny(_end.Task, Task.Delay(scene.Random.Next(2000, 5000)));
        }
    }
}
