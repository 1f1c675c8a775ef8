namespace KvRaft.Eventual.Causality;

/// <summary>
/// A hybrid logical clock. It is never behind the wall clock, and never behind a stamp that it issued or received. A received stamp never moves it further
/// ahead of the wall clock than the allowed drift. It is a value; its owner keeps the newest.
/// <para>
/// A stamp from further ahead comes from a node whose wall clock is wrong. The value of that stamp is accepted, because causality
/// does not depend on stamps. The stamp does not move this clock, or one wrong clock would spread to all nodes.
/// </para>
/// </summary>
/// <param name="Last">The latest stamp issued or received.</param>
internal readonly record struct HybridClock(HybridStamp Last)
{
    /// <summary>
    /// The maximum lead of an accepted stamp over the wall clock of this node. Nodes with working time synchronisation differ by a few
    /// hundred milliseconds, so one minute is a certain fault.
    /// </summary>
    public static readonly TimeSpan DriftMax = TimeSpan.FromMinutes(1);

    /// <summary>Issues a stamp for an event that happens now; it is greater than every stamp before it.</summary>
    public HybridClock Tick(long nowMs)
    {
        var now = HybridStamp.AtStartOf(nowMs);
        return new HybridClock(now.CompareTo(Last) > 0 ? now : Last.Successor);
    }

    /// <summary>Takes a received stamp into account; returns the same clock if the stamp is too far ahead.</summary>
    public HybridClock Hear(HybridStamp stamp, long nowMs) =>
        stamp.CompareTo(Last) > 0 && stamp.Milliseconds - nowMs <= (long)DriftMax.TotalMilliseconds ? new HybridClock(stamp) : this;
}
