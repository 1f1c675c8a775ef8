namespace KvRaft.Simulation.Tests.Groups;

/// <summary>A replica's monotonic clock, in milliseconds.</summary>
internal sealed class ReplicaTime(Func<long> nowMs) : TimeProvider
{
    public override long TimestampFrequency => 1000;

    public override long GetTimestamp() => nowMs();
}
