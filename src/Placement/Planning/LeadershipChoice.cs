using System.Collections.Immutable;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Planning;

/// <summary>What may be done about leaderships now.</summary>
/// <param name="MayEvict">Those that must not lead.</param>
/// <param name="MayLevel">How many each node leads.</param>
/// <param name="MayCool">What each node is asked.</param>
public readonly record struct LeadershipLeave(bool MayEvict, bool MayLevel, bool MayCool);

/// <summary>Leaderships that are to change hands, and on whose account.</summary>
/// <param name="By">The scheduler that wants it.</param>
/// <param name="Transfers">Of different shards; none: nothing is to be done.</param>
public sealed record LeadershipChoice(SchedulerKind By, ImmutableArray<LeaderTransfer> Transfers)
{
    /// <summary>
    /// In this order: away from nodes that must not lead, then as many each as is fair (<see cref="LeaderBalance"/>), then as much each as is fair
    /// (<see cref="LoadBalance"/>). A later one waits for an earlier that has something to do, unless that one is not allowed to. Pure.
    /// </summary>
    /// <param name="shards">Shards with a leader.</param>
    /// <param name="weights">By node; 1 if missing.</param>
    /// <param name="resting">Shards whose leadership changed a moment ago.</param>
    /// <param name="leave">What may be done.</param>
    /// <param name="atOnce">The most evictions.</param>
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
