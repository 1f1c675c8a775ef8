using KvRaft.Raft.Groups;

namespace KvRaft.Node.Cluster;

/// <summary>
/// The time of the cluster (<see cref="Raft.Clocks.ClusterClock"/>) for comparisons of times that different nodes wrote: expiries and stamps of eventual values, ages of hints and
/// tombstones. Durations and timers are those of the node. Not for deadlines of calls, which gRPC counts by this machine's own wall clock.
/// </summary>
internal sealed class ClusterTimeProvider(RaftHost raft, TimeProvider node) : TimeProvider
{
    private static readonly long LastMs = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();

    /// <summary>False: this node has compared its clock with no majority yet, and shows its own wall clock, which may be wrong by any amount.</summary>
    public bool IsSettled => raft.Clock.Status.IsSettled;

    public override long TimestampFrequency => node.TimestampFrequency;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(raft.Clock.NowMs, 0, LastMs));

    public override long GetTimestamp() => node.GetTimestamp();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        node.CreateTimer(callback, state, dueTime, period);
}
