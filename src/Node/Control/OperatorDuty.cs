using KvRaft.Node.Cluster;
using KvRaft.Placement.Planning;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Node.Control;

/// <summary>
/// Starts the moves that wait, drops those that have no purpose any more, and creates the plans of the automatic schedulers: the replicas of a dead node are created on other nodes, and,
/// where that is enabled, shards move to their places on the ring.
/// </summary>
internal sealed class OperatorDuty(
    PlacementAgent placement, OperatorWatchdog watchdog, SchedulerNotes notes, TimeProvider time, ILogger<OperatorDuty> logger)
{
    /// <summary>The state that was found to be in balance; a ring has some ten thousand hashes for each node, too many to compute twice a second.</summary>
    private Epoch _balanced;

    public async Task ActAsync(PlacementSight sight, CancellationToken cancellationToken)
    {
        watchdog.Look(sight);
        var atMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        foreach (var one in sight.State.Operations.Operators)
        {
            if (OperatorSchedule.WhyNever(one, sight.State) is { } why)
            {
                await placement.ActAsync(new EndOperator(one.Number, why, atMs), $"drop {one}, because {why}", logger, cancellationToken);
            }
        }

        foreach (var one in OperatorSchedule.Ready(sight.State, sight.Facts.Away))
        {
            await placement.ActAsync(new StartMove(one.Shard, one.From, one.To, atMs), $"begin {one} ({one.Cause})", logger, cancellationToken);
        }

        await ReplaceAsync(sight, atMs, cancellationToken);
        await BalanceAsync(sight, atMs, cancellationToken);
    }

    private async Task ReplaceAsync(PlacementSight sight, long atMs, CancellationToken cancellationToken)
    {
        if (sight.State.Operations.Settings.IsPaused(SchedulerKind.ReplaceDead, atMs))
        {
            return;
        }

        var health = sight.Reports.ToDictionary(static pair => pair.Key, static pair => pair.Value.Health);
        if (NodeHealth.Replacement(sight.State, health, sight.Facts) is { } plan)
        {
            var node = plan.Changes[0].Node;
            await CommitAsync(SchedulerKind.ReplaceDead, plan, $"{node} does not answer for {sight.Reports[node].Silence.TotalSeconds:0} s", atMs, cancellationToken);
        }
    }

    private async Task BalanceAsync(PlacementSight sight, long atMs, CancellationToken cancellationToken)
    {
        if (sight.State.Operations.Settings.IsPaused(SchedulerKind.Balance, atMs) || sight.State.Epoch == _balanced
            || sight.State.Operations.Operators.Length > 0 || !sight.Facts.Away.IsEmpty)
        {
            return;
        }

        if (Balance.Next(sight.State, sight.Facts) is not { } plan)
        {
            _balanced = sight.State.Epoch;
            return;
        }

        var most = plan.Shares.MaxBy(static share => share.Before - share.After);
        await CommitAsync(
            SchedulerKind.Balance, plan, FormattableString.Invariant($"balance: {most.Node} has {most.Before} shards, its share is {most.After}"), atMs, cancellationToken);
    }

    private async Task CommitAsync(SchedulerKind scheduler, Plan plan, string cause, long atMs, CancellationToken cancellationToken)
    {
        var what = $"plan {plan.Moves.Length} moves, because {cause}";
        if (await placement.ActAsync(plan.ToCommand(cause, atMs, takesStaged: false), what, logger, cancellationToken))
        {
            notes.Set(scheduler, what);
        }
    }
}
