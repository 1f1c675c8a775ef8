namespace KvRaft.Benchmarks.Idle;

/// <summary>Three idle nodes with a given number of shards. Group 0 is in addition to these, and its cost is included.</summary>
/// <param name="Groups">Shards; each is a group with a replica on each node.</param>
/// <param name="CpuMsPerSecond">CPU of the three nodes, milliseconds per second.</param>
/// <param name="MemoryBytes">Resident memory of the three nodes.</param>
/// <param name="SyncsPerSecond">Of the logs of the three nodes.</param>
/// <param name="OtherCores">Cores that were busy with other work.</param>
/// <param name="StolenCores">Cores that the machine did not get from the hypervisor.</param>
internal sealed record IdleResult(
    int Groups, double CpuMsPerSecond, long MemoryBytes, double SyncsPerSecond, double OtherCores, double StolenCores)
{
    private const int ReplicasPerGroup = 3;
    private const double MicrosPerMs = 1000;

    public int Replicas => Groups * ReplicasPerGroup;

    /// <summary>The total cost divided by the replicas; includes the cost of a node without groups.</summary>
    public double CpuMicrosPerReplica => CpuMsPerSecond * MicrosPerMs / Replicas;

    /// <summary>The cost of one further replica, from the difference to a measurement with fewer.</summary>
    public double CpuSlopeMicros(IdleResult fewer) => (CpuMsPerSecond - fewer.CpuMsPerSecond) * MicrosPerMs / (Replicas - fewer.Replicas);

    /// <inheritdoc cref="CpuSlopeMicros"/>
    public double MemorySlopeBytes(IdleResult fewer) => (double)(MemoryBytes - fewer.MemoryBytes) / (Replicas - fewer.Replicas);
}
