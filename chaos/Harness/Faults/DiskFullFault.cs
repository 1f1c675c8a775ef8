using KvRaft.Chaos.Cluster;
using KvRaft.Chaos.Machine;

namespace KvRaft.Chaos.Faults;

/// <summary>
/// A file of another process fills the file system of a node. The node refuses writes that grow and accepts no entries from leaders. It does not end, its
/// acknowledged writes stay, and once there is free space it serves again without a restart.
/// </summary>
internal sealed class DiskFullFault : IFault
{
    /// <summary>Left for the node: one mebibyte, far below its reserve.</summary>
    private const long LeftBytes = 1L << 20;

    private int _node;

    public Task<string> PlanAsync(FaultScene scene)
    {
        _node = scene.AnyNode();
        return Task.FromResult(ChaosCluster.NameOf(_node));
    }

    public async Task InjectAsync(FaultScene scene)
    {
        var length = scene.Cluster.Volumes[_node].FreeBytes - LeftBytes;
        await Shell.RunAsync("fallocate", "-l", length.ToString(System.Globalization.CultureInfo.InvariantCulture), Filler(scene));
    }

    public Task<Evidence> CheckActiveAsync(FaultScene scene)
    {
        var free = scene.Cluster.Volumes[_node].FreeBytes;
        return Task.FromResult(free > 2 * LeftBytes ? Evidence.Missing($"{free} bytes are free") : Evidence.Seen($"{free} bytes are free"));
    }

    public TimeSpan Hold(Random random) => TimeSpan.FromMilliseconds(random.Next(2000, 8000));

    public Task HealAsync(FaultScene scene)
    {
        File.Delete(Filler(scene));
        return Task.CompletedTask;
    }

    public Task<Evidence> CheckHealedAsync(FaultScene scene) => scene.ServeAsync(_node);

    private string Filler(FaultScene scene) => Path.Combine(scene.Cluster.Volumes[_node].Path, "filler");
}
