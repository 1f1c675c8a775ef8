namespace KvRaft.Eventual.Causality;

/// <summary>
/// A hybrid logical clock: never behind the wall clock, never behind a stamp it gave or heard, and never pulled further ahead of the
/// wall clock than the drift allowed. A value; whoever owns it keeps the newest.
/// <para>
/// A stamp from further ahead comes from a node whose wall clock is wrong. The value it came with is taken all the same, since causality
/// does not depend on stamps; but it does not drag this clock along, or one wrong clock would become everybody's.
/// </para>
/// </summary>
/// <param name="Last">The latest stamp given or heard.</param>
internal readonly record struct HybridClock(HybridStamp Last)
{
    /// <summary>
    /// How far a stamp may be ahead of this node's wall clock to be believed: nodes with working time synchronisation are within a few
    /// hundred milliseconds; a minute is past any doubt.
    /// </summary>
    public static readonly TimeSpan DriftMax = TimeSpan.FromMinutes(1);

    /// <summary>A stamp for something that happens now; greater than every stamp before it.</summary>
    public HybridClock Tick(long nowMs)
    {
        var now = HybridStamp.AtStartOf(nowMs);
        return new HybridClock(now.CompareTo(Last) > 0 ? now : Last.Successor);
    }

    /// <summary>Hears a stamp; the same clock if it is too far ahead to be believed.</summary>
    public HybridClock Hear(HybridStamp stamp, long nowMs) =>
        stamp.CompareTo(Last) > 0 && stamp.Milliseconds - nowMs <= (long)DriftMax.TotalMilliseconds ? new HybridClock(stamp) : this;
}
