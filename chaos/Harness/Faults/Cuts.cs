namespace KvRaft.Chaos.Faults;

/// <summary>The evidence of the kernel and of a new connection about a partition.</summary>
internal static class Cuts
{
    public static async Task<Evidence> CheckActiveAsync(FaultScene scene, PartitionShape shape)
    {
        var missing = shape.Cuts.Except(await scene.Network.CutsAsync()).ToList();
        if (missing.Count > 0)
        {
            return Evidence.Missing($"not cut: {string.Join(' ', missing)}");
        }

        // The table of the kernel contains each direction; one of them also shows that a packet really vanishes.
        var probe = shape.Cuts[scene.Random.Next(shape.Cuts.Count)];
        return await scene.Network.ConnectsAsync(probe, scene.Cluster.RaftPortOf(probe.To))
            ? Evidence.Missing($"{probe} is cut and still connects")
            : Evidence.Seen($"{shape.Cuts.Count} directions cut, {probe} does not connect");
    }

    public static async Task<Evidence> CheckHealedAsync(FaultScene scene, PartitionShape shape)
    {
        var left = shape.Cuts.Intersect(await scene.Network.CutsAsync()).ToList();
        if (left.Count > 0)
        {
            return Evidence.Missing($"still cut: {string.Join(' ', left)}");
        }

        var probe = shape.Cuts[scene.Random.Next(shape.Cuts.Count)];
        return await scene.Network.ConnectsAsync(probe, scene.Cluster.RaftPortOf(probe.To))
            ? Evidence.Seen($"{probe} connects")
            : Evidence.Missing($"{probe} does not connect");
    }
}
