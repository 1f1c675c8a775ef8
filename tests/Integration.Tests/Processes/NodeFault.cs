namespace KvRaft.Integration.Tests.Processes;

/// <summary>How a test loses a process for a while.</summary>
public enum NodeFault
{
    Kill,
    Pause,
}

internal static class NodeFaults
{
    /// <summary>Kills a node and starts it at once, or stops it for ten seconds: longer than any election, shorter than the time after which a node counts as dead.</summary>
    public static async Task LoseAsync(this ProcessCluster cluster, string node, NodeFault fault)
    {
        if (fault == NodeFault.Kill)
        {
            cluster.Kill(node);
            cluster.Start(node);
            return;
        }

        cluster.Pause(node);
        await Task.Delay(TimeSpan.FromSeconds(10));
        cluster.Resume(node);
    }
}
