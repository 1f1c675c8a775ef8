namespace KvRaft.Raft.Clocks;

/// <summary>
/// A shard's clock as it runs at one replica between entries: the highest stamp applied, carried on by the monotonic clock. A value; the rules are pure.
/// </summary>
/// <param name="Ahead">Unix milliseconds less the monotonic clock.</param>
/// <param name="At">When that was so, by the monotonic clock.</param>
internal readonly record struct ShardTime(double Ahead, double At)
{
    /// <summary>What it shows at a moment: a lower bound of what it shows where the shard is led, where it may run slower by <see cref="ClockRules.SlewShare"/>.</summary>
    public double ShownAt(double now) => Ahead + now - (Math.Max(0, now - At) * ClockRules.SlewShare);

    /// <summary>After an entry was applied: never behind what it says.</summary>
    public ShardTime Applied(double clock, double now) => ShownAt(now) < clock ? new ShardTime(clock - now, now) : this;

    /// <summary>
    /// At the first use in a term that this replica won. The time that passed since the entries before was measured here only while this replica ran; the time of the cluster, which
    /// never jumps, tells the rest. It is taken over at once, because nothing was promised in this term yet.
    /// </summary>
    /// <param name="clusterAhead">The settled time of the cluster, ahead of the monotonic clock; null: there is none.</param>
    /// <param name="now">By the monotonic clock.</param>
    public ShardTime Begun(double? clusterAhead, double now)
    {
        var shown = ShownAt(now) - now;
        return new ShardTime(clusterAhead is { } target ? Math.Max(shown, target) : shown, now);
    }

    /// <summary>
    /// While this replica leads: on by the monotonic clock, approaching the time of the cluster by <see cref="ClockRules.SlewShare"/> of the time that has passed, from either
    /// side. One that stands ahead therefore runs on, a little slower, and never stands still.
    /// </summary>
    public ShardTime Led(double? clusterAhead, double now)
    {
        var step = Math.Max(0, now - At) * ClockRules.SlewShare;
        return new ShardTime(clusterAhead is { } target ? Ahead + Math.Clamp(target - Ahead, -step, step) : Ahead, now);
    }
}
