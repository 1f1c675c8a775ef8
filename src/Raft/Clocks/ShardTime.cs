namespace KvRaft.Raft.Clocks;

/// <summary>
/// A shard's clock at one replica between entries: the highest applied stamp, advanced by the monotonic clock. A value; the rules are pure.
/// </summary>
/// <param name="Ahead">Unix milliseconds less the monotonic clock.</param>
/// <param name="At">The time of that value, by the monotonic clock.</param>
internal readonly record struct ShardTime(double Ahead, double At)
{
    /// <summary>The time at a moment: a lower bound of the leader's time, which may run slower by <see cref="ClockRules.SlewShare"/>.</summary>
    public double ShownAt(double now) => Ahead + now - (Math.Max(0, now - At) * ClockRules.SlewShare);

    /// <summary>The clock after an entry was applied: never behind its stamp.</summary>
    public ShardTime Applied(double clock, double now) => ShownAt(now) < clock ? new ShardTime(clock - now, now) : this;

    /// <summary>
    /// The clock at the first use in a term that this replica won. The time since the previous entries was measured here only while this replica ran; the cluster time, which
    /// never jumps, provides the rest. It is adopted at once, because no time was given out in this term yet.
    /// </summary>
    /// <param name="clusterAhead">The settled cluster time, ahead of the monotonic clock; null: there is none.</param>
    /// <param name="now">By the monotonic clock.</param>
    public ShardTime Begun(double? clusterAhead, double now)
    {
        var shown = ShownAt(now) - now;
        return new ShardTime(clusterAhead is { } target ? Math.Max(shown, target) : shown, now);
    }

    /// <summary>
    /// The clock while this replica leads: it advances by the monotonic clock and approaches the cluster time by <see cref="ClockRules.SlewShare"/> of the elapsed time, from either
    /// side. A clock that is ahead therefore runs a little slower, and never stops.
    /// </summary>
    public ShardTime Led(double? clusterAhead, double now)
    {
        var step = Math.Max(0, now - At) * ClockRules.SlewShare;
        return new ShardTime(clusterAhead is { } target ? Ahead + Math.Clamp(target - Ahead, -step, step) : Ahead, now);
    }
}
