using KvRaft.Chaos.Cluster;

namespace KvRaft.Chaos.Faults;

/// <summary>
/// A node's file system is filled up by a stranger's file. The node refuses writes that grow, and if it meets the end of the disk itself it may
/// end; what it acknowledged stays.
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
        scene.Cluster.Process(_node).MayEnd(expected: true);
        var length = scene.Cluster.Volumes[_node].FreeBytes - LeftBytes;
        await Shell.RunAsync("fallocate", "-l", length.ToString(System.Globalization.CultureInfo.InvariantCulture), Filler(scene));
    }

    public Task<Evidence> CheckActiveAsync(FaultScene scene)
    {
        var free = scene.Cluster.Volumes[_node].FreeBytes;
        return Task.FromResult(free > 2 * LeftBytes ? Evidence.Missing($"{free} bytes are free") : Evidence.Seen($"{free} bytes are free"));
    }

    public TimeSpan Hold(Random random) => TimeSpan.FromMilliseconds(random.Next(2000, 8000));

    public async Task HealAsync(FaultScene scene)
    {
        File.Delete(Filler(scene));
        var process = scene.Cluster.Process(_node);
        if (process.IsRunning)
        {
            process.MayEnd(expected: false);
        }
        else
        {
            await process.StartAsync();
        }
    }

    public Task<Evidence> CheckHealedAsync(FaultScene scene) => scene.ServeAsync(_node);

    private string Filler(FaultScene scene) => Path.Combine(scene.Cluster.Volumes[_node].Path, "filler");
}
