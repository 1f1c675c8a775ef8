using System.Collections.Immutable;

namespace KvRaft.Placement.State;

/// <summary>Who acts on the placement of its own accord. The numbers are on disk.</summary>
public enum SchedulerKind : byte
{
    /// <summary>Replicas of a node that is dead are made elsewhere.</summary>
    ReplaceDead = 1,

    /// <summary>Shards go where the ring wants them, without anybody asking.</summary>
    Balance = 2,

    /// <summary>Leaderships leave nodes that are drained or leave.</summary>
    Drain = 3,

    /// <summary>Leaderships are spread by weight.</summary>
    LeaderBalance = 4,

    /// <summary>Group 0's own voters.</summary>
    Seats = 5,

    /// <summary>Leaderships of shards that are asked much leave nodes that are asked too much.</summary>
    LoadBalance = 6,
}

/// <summary>A scheduler that does nothing.</summary>
/// <param name="Scheduler">Which.</param>
/// <param name="UntilMs">Until when, by the clock of whoever leads group 0, Unix milliseconds; 0: until it is resumed.</param>
public readonly record struct PausedScheduler(SchedulerKind Scheduler, long UntilMs);

/// <summary>How the placement driver works, as people set it. Agreed on, so that it outlives leaders and is the same on every node.</summary>
public sealed record PlacementSettings
{
    /// <summary>
    /// As it is before anybody changes something. Shards that people moved by hand would be moved back, so nothing is balanced unasked.
    /// </summary>
    public static readonly PlacementSettings Default = new() { Paused = [new PausedScheduler(SchedulerKind.Balance, 0)] };

    /// <summary>
    /// MB (2^20 bytes) each second that one node pulls of checkpoints, all of its copies together. Leaves an ordinary disk and a link of 10 Gbit/s room
    /// for the foreground.
    /// </summary>
    public int CopyMegabytes { get; init; } = 128;

    /// <summary>
    /// Copies get slower while the 99th percentile of the writes of any node is above this, in milliseconds; 0: never. An ordinary write takes some.
    /// </summary>
    public int ForegroundP99Ms { get; init; } = 50;

    /// <summary>Moves in the cluster at once. Each costs a copy; with more than a few clients feel it before the plan is done sooner.</summary>
    public int MovesAtOnce { get; init; } = 4;

    /// <summary>To, or from, one node: two keep its disk busy, more only share it.</summary>
    public int MovesAtOncePerNode { get; init; } = 2;

    /// <summary>By number.</summary>
    public ImmutableArray<PausedScheduler> Paused { get; init; } = [];

    public long CopyBytesPerSecond => (long)CopyMegabytes << 20;

    public bool IsPaused(SchedulerKind scheduler, long nowMs) =>
        Paused.Any(paused => paused.Scheduler == scheduler && (paused.UntilMs == 0 || paused.UntilMs > nowMs));

    public bool Equals(PlacementSettings? other) =>
        other is not null && CopyMegabytes == other.CopyMegabytes && ForegroundP99Ms == other.ForegroundP99Ms
        && MovesAtOnce == other.MovesAtOnce && MovesAtOncePerNode == other.MovesAtOncePerNode && Paused.AsSpan().SequenceEqual(other.Paused.AsSpan());

    public override int GetHashCode() => (CopyMegabytes * 31) ^ (ForegroundP99Ms * 17) ^ (MovesAtOnce * 7) ^ MovesAtOncePerNode;

    /// <summary>What is wrong with a value, or null.</summary>
    internal string? Mistake() =>
        CopyMegabytes is < 1 or > CopyMegabytesMax ? $"{CopyMegabytes} MB/s is not from 1 to {CopyMegabytesMax}"
        : ForegroundP99Ms is < 0 or > ForegroundP99MsMax ? $"{ForegroundP99Ms} ms is not from 0 to {ForegroundP99MsMax}"
        : MovesAtOnce is < 1 or > MovesAtOnceMax ? $"{MovesAtOnce} moves at once are not from 1 to {MovesAtOnceMax}"
        : MovesAtOncePerNode is < 1 or > MovesAtOnceMax ? $"{MovesAtOncePerNode} moves at once of a node are not from 1 to {MovesAtOnceMax}"
        : null;

    /// <summary>Ten times what the fastest link in use carries.</summary>
    public const int CopyMegabytesMax = 100_000;

    /// <summary>Beyond a minute every call has failed.</summary>
    public const int ForegroundP99MsMax = 60_000;

    /// <summary>Every node of the largest cluster.</summary>
    public const int MovesAtOnceMax = PlacementLimits.NodesMax;
}
