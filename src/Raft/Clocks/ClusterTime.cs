namespace KvRaft.Raft.Clocks;

/// <summary>
/// The time of the cluster as one node runs it: milliseconds ahead of its monotonic clock. It is settled once it rests on what a majority said. A value; the rules are pure.
/// </summary>
/// <param name="Ahead">Unix milliseconds less the monotonic clock.</param>
/// <param name="IsSettled">It rests on a majority; before, on this node's wall clock alone.</param>
/// <param name="At">When it was last adjusted, by the monotonic clock.</param>
internal readonly record struct ClusterTime(double Ahead, bool IsSettled, double At)
{
    /// <summary>
    /// The time after a look at the other nodes' clocks.
    /// <list type="number">
    /// <item>A node that has none takes over the time that runs at others, if it can compare with a majority; where none runs, the wall clocks of a majority that agrees: the
    /// whole cluster was stopped, and nothing else has measured how long.</item>
    /// <item>A node whose time is far from one that runs alike at a majority takes that over: it was cut off.</item>
    /// <item>Otherwise it approaches the wall clocks of a majority that agrees, by <see cref="ClockRules.SlewShare"/> of the time that has passed. So a jump of wall
    /// clocks, wrong or right, is never taken over at once, and a time-to-live lives its time.</item>
    /// <item>Where no majority agrees it runs on by the monotonic clock.</item>
    /// </list>
    /// </summary>
    /// <param name="now">By the monotonic clock.</param>
    /// <param name="verdict">Of the wall clocks.</param>
    /// <param name="running">The settled times of the other nodes that answer, milliseconds ahead of this node's monotonic clock.</param>
    /// <param name="known">How many nodes there are, this one included.</param>
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

    // The lower of two: a time that is too early prolongs a life, one that is too late ends it.
    private static double Median(double[] inOrder) => inOrder[(inOrder.Length - 1) / 2];
}
