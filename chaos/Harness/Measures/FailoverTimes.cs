namespace KvRaft.Chaos.Measures;

/// <summary>Times from the kill of a shard's leader to the first successful write that began after it.</summary>
/// <param name="Times">One per shard and kill.</param>
/// <param name="Outages">Those that took longer than the probe's patience.</param>
internal sealed record FailoverTimes(IReadOnlyCollection<TimeSpan> Times, int Outages)
{
    public static readonly FailoverTimes None = new([], 0);

    public FailoverTimes And(FailoverTimes other) => new([.. Times, .. other.Times], Outages + other.Outages);

    /// <summary>The nearest rank: the least time that this share of all times does not exceed; zero if there is none.</summary>
    public TimeSpan Percentile(double share)
    {
        var sorted = Times.Order().ToList();
        return sorted.Count == 0 ? TimeSpan.Zero : sorted[Math.Clamp((int)Math.Ceiling(share * sorted.Count) - 1, 0, sorted.Count - 1)];
    }

    public override string ToString() => Times.Count + Outages == 0
        ? "none measured"
        : FormattableString.Invariant($"{Times.Count} measured, p50 {Percentile(0.5).TotalMilliseconds:0} ms, p99 {Percentile(0.99).TotalMilliseconds:0} ms, worst {Percentile(1).TotalMilliseconds:0} ms, {Outages} outages");
}
