using System.Collections.Immutable;

namespace KvRaft.Placement.State;

/// <summary>The automatic schedulers of the placement. The numbers are on disk.</summary>
public enum SchedulerKind : byte
{
    /// <summary>Creates the replicas of a dead node on other nodes.</summary>
    ReplaceDead = 1,

    /// <summary>Moves shards to where the ring places them, without a request.</summary>
    Balance = 2,

    /// <summary>Moves leaderships away from nodes that are drained or leaving.</summary>
    Drain = 3,

    /// <summary>Spreads leaderships by weight.</summary>
    LeaderBalance = 4,

    /// <summary>Maintains the voters of group 0.</summary>
    Group0Voters = 5,

    /// <summary>Moves leaderships of busy shards away from overloaded nodes.</summary>
    LoadBalance = 6,
}

/// <summary>A paused scheduler.</summary>
/// <param name="Scheduler">The scheduler.</param>
/// <param name="UntilMs">The end of the pause by the clock of the leader of group 0, Unix milliseconds; 0: until it is resumed.</param>
public readonly record struct PausedScheduler(SchedulerKind Scheduler, long UntilMs);

/// <summary>
/// The settings of the placement driver. They are agreed by group 0, so they survive a change of leader and are the same on every node.
/// </summary>
public sealed record PlacementSettings
{
    /// <summary>The initial settings. Automatic balancing is paused, because it would revert moves that people requested.</summary>
    public static readonly PlacementSettings Default = new() { Paused = [new PausedScheduler(SchedulerKind.Balance, 0)] };

    /// <summary>
    /// MB (2^20 bytes) of checkpoints per second that one node pulls, for all of its copies together. The default leaves capacity for client requests
    /// on an ordinary disk and a 10 Gbit/s link.
    /// </summary>
    public int CopyMegabytes { get; init; } = 128;

    /// <summary>
    /// Copies slow down while the 99th percentile of the write latency of any node is above this, in milliseconds; 0: never. An ordinary write takes
    /// a few milliseconds.
    /// </summary>
    public int ForegroundP99Ms { get; init; } = 50;

    /// <summary>
    /// The maximum number of moves in the cluster at a time. Each move costs a copy; with more than a few, the clients slow down before the plan gets
    /// faster.
    /// </summary>
    public int MovesAtOnce { get; init; } = 4;

    /// <summary>The maximum number of moves to, or from, one node at a time: two keep its disk busy, more only share it.</summary>
    public int MovesAtOncePerNode { get; init; } = 2;

    /// <summary>Ordered by number.</summary>
    public ImmutableArray<PausedScheduler> Paused { get; init; } = [];

    public long CopyBytesPerSecond => (long)CopyMegabytes << 20;

    public bool IsPaused(SchedulerKind scheduler, long nowMs) =>
        Paused.Any(paused => paused.Scheduler == scheduler && (paused.UntilMs == 0 || paused.UntilMs > nowMs));

    public bool Equals(PlacementSettings? other) =>
        other is not null && CopyMegabytes == other.CopyMegabytes && ForegroundP99Ms == other.ForegroundP99Ms
        && MovesAtOnce == other.MovesAtOnce && MovesAtOncePerNode == other.MovesAtOncePerNode && Paused.AsSpan().SequenceEqual(other.Paused.AsSpan());

    public override int GetHashCode() => (CopyMegabytes * 31) ^ (ForegroundP99Ms * 17) ^ (MovesAtOnce * 7) ^ MovesAtOncePerNode;

    /// <summary>The invalid value as a sentence, or null.</summary>
    internal string? Mistake() =>
        CopyMegabytes is < 1 or > CopyMegabytesMax ? $"{CopyMegabytes} MB/s is not from 1 to {CopyMegabytesMax}"
        : ForegroundP99Ms is < 0 or > ForegroundP99MsMax ? $"{ForegroundP99Ms} ms is not from 0 to {ForegroundP99MsMax}"
        : MovesAtOnce is < 1 or > MovesAtOnceMax ? $"{MovesAtOnce} moves at once are not from 1 to {MovesAtOnceMax}"
        : MovesAtOncePerNode is < 1 or > MovesAtOnceMax ? $"{MovesAtOncePerNode} moves at once of a node are not from 1 to {MovesAtOnceMax}"
        : null;

    /// <summary>Ten times the bandwidth of the fastest link in use.</summary>
    public const int CopyMegabytesMax = 100_000;

    /// <summary>After a minute every call has failed.</summary>
    public const int ForegroundP99MsMax = 60_000;

    /// <summary>The number of nodes of the largest cluster.</summary>
    public const int MovesAtOnceMax = PlacementLimits.NodesMax;
}
