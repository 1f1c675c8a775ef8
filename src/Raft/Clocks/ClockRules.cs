namespace KvRaft.Raft.Clocks;

/// <summary>
/// The numbers behind the time of a cluster. See <see cref="ClusterClock"/> for what they are for.
/// </summary>
public static class ClockRules
{
    /// <summary>
    /// How far a node's wall clock may be from the median and still be right: a second is what machines without time synchronisation are soon apart.
    /// </summary>
    public static readonly TimeSpan OffsetMax = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How much faster or slower than the monotonic clock the cluster's time and a shard's clock may run while they approach what a majority's wall clocks show: one
    /// per cent, so an hour takes four days. A time-to-live therefore ends at most this share of it early or late; 0.3 s of 30 s.
    /// </summary>
    public const double SlewShare = 0.01;

    /// <summary>
    /// Running clocks of nodes that differ by more than this were not compared for a while (a node was cut off, or its machine was suspended): such a node
    /// takes over the time of the others. Twice what two nodes may differ by because answers take time.
    /// </summary>
    public static readonly TimeSpan RejoinDistance = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a leader of a process that has just begun holds its first entry back for want of a comparison with a majority.</summary>
    public static readonly TimeSpan SettlePatience = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Verdicts in a row before a node counts as skewed: one late answer moves no leadership.
    /// </summary>
    public const int VerdictsOfSkew = 3;
}
