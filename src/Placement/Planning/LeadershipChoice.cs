using System.Collections.Immutable;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Planning;

/// <summary>The leadership schedulers that may act now.</summary>
/// <param name="MayEvict">Leaderships may be moved away from nodes that must not lead.</param>
/// <param name="MayLevel">The number of leaderships per node may be balanced.</param>
/// <param name="MayCool">The request load per node may be balanced.</param>
public readonly record struct LeadershipLeave(bool MayEvict, bool MayLevel, bool MayCool);

/// <summary>Leaderships that should move, and the scheduler that decided it.</summary>
/// <param name="By">The scheduler.</param>
/// <param name="Transfers">Of different shards; empty: there is nothing to do.</param>
public sealed record LeadershipChoice(SchedulerKind By, ImmutableArray<LeaderTransfer> Transfers)
{
    /// <summary>
    /// Applies three rules in this order: move leaderships away from nodes that must not lead, balance their number (<see cref="LeaderBalance"/>),
    /// balance their load (<see cref="LoadBalance"/>). A rule applies only if the rules before it have nothing to do or are not allowed to act. Pure.
    /// </summary>
    /// <param name="shards">Shards with a leader.</param>
    /// <param name="weights">By node; 1 if missing.</param>
    /// <param name="resting">Shards whose leadership changed recently.</param>
    /// <param name="leave">The rules that may act.</param>
    /// <param name="atOnce">The maximum number of evictions.</param>
    public static LeadershipChoice Of(
        IReadOnlyList<LedShard> shards, IReadOnlyDictionary<NodeId, double> weights, IReadOnlySet<ShardId> resting, LeadershipLeave leave, int atOnce)
    {
        ArgumentNullException.ThrowIfNull(shards);
        var level = LeaderBalance.Next(shards, weights, resting, atOnce);
        if (level.Any(transfer => IsEviction(transfer, shards)))
        {
            return new LeadershipChoice(SchedulerKind.Drain, leave.MayEvict ? [.. level] : []);
        }

        return level.Count > 0 && leave.MayLevel ? new LeadershipChoice(SchedulerKind.LeaderBalance, [.. level])
            : leave.MayCool ? new LeadershipChoice(SchedulerKind.LoadBalance, [.. LoadBalance.Next(shards, weights, resting)])
            : new LeadershipChoice(SchedulerKind.LeaderBalance, []);
    }

    private static bool IsEviction(LeaderTransfer transfer, IReadOnlyList<LedShard> shards) =>
        shards.First(shard => shard.Shard == transfer.Shard) is var led && !led.Candidates.Contains(led.Leader);
}
