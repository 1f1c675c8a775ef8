using KvRaft.Chaos.Cluster;

namespace KvRaft.Chaos.Faults;

/// <summary>A node is started with a data directory that is not its own latest one, and must be refused: its process ends by itself with an error.</summary>
internal static class RefusedStart
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <param name="scene">The run.</param>
    /// <param name="node">Its process is not running.</param>
    /// <param name="directory">What is wrong with the directory, for display.</param>
    /// <exception cref="FaultException">The node still ran after <see cref="Patience"/>; it is killed.</exception>
    public static async Task AwaitAsync(FaultScene scene, int node, string directory)
    {
        var process = scene.Cluster.Process(node);
        await process.StartAsync(mayEnd: true);
        using var limit = new CancellationTokenSource(Patience);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            await process.KillAsync();
            throw new FaultException($"{ChaosCluster.NameOf(node)} was not refused with {directory} within {Patience.TotalSeconds:0} s");
        }
    }

    public static Evidence EvidenceOf(FaultScene scene, int node, string directory)
    {
        var process = scene.Cluster.Process(node);
        return process.IsRunning || process.ExitCode == 0 ? Evidence.Missing($"it runs with {directory}") : Evidence.Seen($"it is refused with {directory}");
    }
}
