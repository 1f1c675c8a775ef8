namespace KvRaft.Raft.Clocks;

/// <summary>
/// The constants of the cluster time. See <see cref="ClusterClock"/> for their use.
/// </summary>
public static class ClockRules
{
    /// <summary>
    /// The maximum distance of a correct wall clock from the median: machines without time synchronisation soon differ by a second.
    /// </summary>
    public static readonly TimeSpan OffsetMax = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How much faster or slower than the monotonic clock the cluster time and a shard's clock may run while they approach a majority's wall clocks: one
    /// per cent, so an hour takes four days. A time-to-live therefore ends at most by this share early or late; 0.3 s of 30 s.
    /// </summary>
    public const double SlewShare = 0.01;

    /// <summary>
    /// If the clocks of two nodes differ by more than this, they were not compared for a while (a node was cut off, or its machine was suspended), and such a node
    /// adopts the time of the others. Twice the difference that round-trip times can cause.
    /// </summary>
    public static readonly TimeSpan RejoinDistance = TimeSpan.FromMilliseconds(500);

    /// <summary>How long the leader of a new process delays its first entry while no comparison with a majority is available.</summary>
    public static readonly TimeSpan SettlePatience = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Verdicts in a row before a node counts as skewed: one late answer must not move leadership.
    /// </summary>
    public const int VerdictsOfSkew = 3;
}
