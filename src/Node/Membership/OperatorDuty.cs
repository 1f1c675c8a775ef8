using KvRaft.Placement.Planning;
using KvRaft.Placement.State;

namespace KvRaft.Node.Membership;

/// <summary>Begins the moves that wait, drops those that have become senseless, and plans anew what a dead node held.</summary>
internal sealed class OperatorDuty(PlacementAgent placement, TimeProvider time, ILogger<OperatorDuty> logger)
{
    /// <summary>How much may move at once.</summary>
    public static readonly MoveLimits Limits = new();

    public async Task ActAsync(PlacementSight sight, CancellationToken cancellationToken)
    {
        var atMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        foreach (var one in sight.State.Operations.Operators)
        {
            if (OperatorSchedule.WhyNever(one, sight.State) is { } why)
            {
                await placement.ActAsync(new EndOperator(one.Number, why, atMs), $"drop {one}, because {why}", logger, cancellationToken);
            }
        }

        foreach (var one in OperatorSchedule.Ready(sight.State, sight.Facts.Away, Limits))
        {
            await placement.ActAsync(new StartMove(one.Shard, one.From, one.To, atMs), $"begin {one} ({one.Cause})", logger, cancellationToken);
        }

        var health = sight.Reports.ToDictionary(static pair => pair.Key, static pair => pair.Value.Health);
        if (NodeHealth.Replacement(sight.State, health, sight.Facts) is { } plan)
        {
            var cause = $"{plan.Changes[0].Node} does not answer for {sight.Reports[plan.Changes[0].Node].Silence.TotalSeconds:0} s";
            await placement.ActAsync(plan.ToCommand(cause, atMs, takesStaged: false), $"plan {plan.Moves.Length} moves, because {cause}", logger, cancellationToken);
        }
    }
}
