namespace KvRaft.Raft.Clocks;

/// <summary>
/// The cluster time on one node: milliseconds ahead of its monotonic clock. It is settled once it is based on a majority. A value; the rules are pure.
/// </summary>
/// <param name="Ahead">Unix milliseconds less the monotonic clock.</param>
/// <param name="IsSettled">It is based on a majority; before that, on this node's wall clock alone.</param>
/// <param name="At">The time of its last adjustment, by the monotonic clock.</param>
internal readonly record struct ClusterTime(double Ahead, bool IsSettled, double At)
{
    /// <summary>
    /// The time after a comparison with the other nodes' clocks.
    /// <list type="number">
    /// <item>A node without a time adopts the time that runs at others, if it can compare with a majority. If none runs, it adopts the wall clocks of a majority that agrees: the
    /// whole cluster was stopped, and no other clock has measured how long.</item>
    /// <item>A node whose time is far from a time that runs alike at a majority adopts that time: the node was cut off.</item>
    /// <item>Otherwise it approaches the wall clocks of a majority that agrees, by <see cref="ClockRules.SlewShare"/> of the time that has passed. So a jump of wall
    /// clocks, wrong or right, is never adopted at once, and a time-to-live keeps its length.</item>
    /// <item>If no majority agrees, the time advances by the monotonic clock.</item>
    /// </list>
    /// </summary>
    /// <param name="now">By the monotonic clock.</param>
    /// <param name="verdict">The verdict on the wall clocks.</param>
    /// <param name="running">The settled times of the other nodes that answer, milliseconds ahead of this node's monotonic clock.</param>
    /// <param name="known">The number of nodes, this one included.</param>
    public ClusterTime Adjusted(double now, ClockVerdict verdict, IReadOnlyCollection<double> running, int known)
    {
        var inOrder = running.Order().ToArray();
        if (!IsSettled)
        {
            return inOrder.Length > 0 && 2 * verdict.Nodes.Count > known ? new ClusterTime(Median(inOrder), true, now)
                : verdict.IsAgreed ? new ClusterTime(verdict.Reference, true, now)
                : this with { At = now };
        }

        if (inOrder.Length > 0 && Median(inOrder) is var others)
        {
            var alike = inOrder.Count(time => Math.Abs(time - others) <= ClockRules.RejoinDistance.TotalMilliseconds);
            if (2 * alike > known && Math.Abs(Ahead - others) > ClockRules.RejoinDistance.TotalMilliseconds)
            {
                return new ClusterTime(others, true, now);
            }
        }

        var step = verdict.IsAgreed ? Math.Max(0, now - At) * ClockRules.SlewShare : 0;
        return new ClusterTime(Ahead + Math.Clamp(verdict.Reference - Ahead, -step, step), true, now);
    }

    // The lower of two: a time that is too early prolongs a life, a time that is too late ends it.
    private static double Median(double[] inOrder) => inOrder[(inOrder.Length - 1) / 2];
}
