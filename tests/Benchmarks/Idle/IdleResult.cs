namespace KvRaft.Benchmarks.Idle;

/// <summary>Three idle nodes with so many shards. The placement driver's own group comes on top and is in the figures.</summary>
/// <param name="Groups">Shards; each is a group with a replica on each node.</param>
/// <param name="CpuMsPerSecond">CPU of the three nodes, milliseconds per second.</param>
/// <param name="MemoryBytes">Resident memory of the three nodes.</param>
/// <param name="SyncsPerSecond">Of the three nodes' logs.</param>
/// <param name="OtherCores">Cores busy with something else meanwhile.</param>
/// <param name="StolenCores">Cores the machine did not get.</param>
internal sealed record IdleResult(
    int Groups, double CpuMsPerSecond, long MemoryBytes, double SyncsPerSecond, double OtherCores, double StolenCores)
{
    private const int ReplicasPerGroup = 3;
    private const double MicrosPerMs = 1000;

    public int Replicas => Groups * ReplicasPerGroup;

    /// <summary>The whole cost over the replicas; what a node costs without any group is in it.</summary>
    public double CpuMicrosPerReplica => CpuMsPerSecond * MicrosPerMs / Replicas;

    /// <summary>What one more replica costs, judged by a measurement with fewer.</summary>
    public double CpuSlopeMicros(IdleResult fewer) => (CpuMsPerSecond - fewer.CpuMsPerSecond) * MicrosPerMs / (Replicas - fewer.Replicas);

    /// <inheritdoc cref="CpuSlopeMicros"/>
    public double MemorySlopeBytes(IdleResult fewer) => (double)(MemoryBytes - fewer.MemoryBytes) / (Replicas - fewer.Replicas);
}
