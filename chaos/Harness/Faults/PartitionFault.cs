namespace KvRaft.Chaos.Faults;

/// <summary>A cut between nodes, in one of the shapes.</summary>
internal sealed class PartitionFault(Func<FaultScene, Task<PartitionShape>> choose) : IFault
{
    private PartitionShape _shape = new("", []);

    public async Task<string> PlanAsync(FaultScene scene)
    {
        _shape = await choose(scene);
        return _shape.Detail;
    }

    public Task InjectAsync(FaultScene scene) => scene.Network.CutAsync(_shape.Cuts);

    public Task<Evidence> CheckActiveAsync(FaultScene scene) => Cuts.CheckActiveAsync(scene, _shape);

    // An election takes one to two seconds; some partitions end before it, most after.
    public TimeSpan Hold(Random random) => TimeSpan.FromMilliseconds(random.Next(1000, 9000));

    public Task HealAsync(FaultScene scene) => scene.Network.MendAsync(_shape.Cuts);

    public Task<Evidence> CheckHealedAsync(FaultScene scene) => Cuts.CheckHealedAsync(scene, _shape);
}
