using System.Collections.Immutable;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Planning;

/// <summary>
/// Which operators that wait may begin, and what keeps the others. A pure function of the agreed state and of who answers; a shard has one move at a time,
/// and none begins that would leave a shard worse off than it is. How many at once, the state's settings say.
/// </summary>
public static class OperatorSchedule
{
    /// <summary>Those that may begin now, in their order, as if each before had begun.</summary>
    public static IReadOnlyList<MoveOperator> Ready(PlacementState state, ImmutableHashSet<NodeId> away)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(away);
        var begun = state.Moves.Select(static move => new PlannedMove(move.Shard, move.From.Node, move.To.Node)).ToList();
        var ready = new List<MoveOperator>();
        foreach (var one in state.Operations.Operators.Where(one => !one.IsRunning(state)))
        {
            if (WhyNot(one, state, begun, away) is null)
            {
                ready.Add(one);
                begun.Add(new PlannedMove(one.Shard, one.From, one.To));
            }
        }

        return ready;
    }

    /// <summary>What keeps an operator that waits, in words; null: nothing.</summary>
    public static string? WhyNot(MoveOperator one, PlacementState state, ImmutableHashSet<NodeId> away)
    {
        ArgumentNullException.ThrowIfNull(one);
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(away);
        return WhyNot(one, state, [.. state.Moves.Select(static move => new PlannedMove(move.Shard, move.From.Node, move.To.Node))], away);
    }

    /// <summary>An operator that can never run, and why: the state has gone another way since.</summary>
    public static string? WhyNever(MoveOperator one, PlacementState state)
    {
        ArgumentNullException.ThrowIfNull(one);
        ArgumentNullException.ThrowIfNull(state);
        if (one.IsRunning(state) || state.MoveOf(one.Shard) is not null
            || state.Operations.Operators.Any(other => other.Shard == one.Shard && other.Number < one.Number))
        {
            return null;
        }

        var shard = state.Map![one.Shard];
        return shard.ReplicaOn(one.From) is null ? $"{one.From} has no replica of shard {one.Shard} any more"
            : shard.ReplicaOn(one.To) is not null ? $"{one.To} has a replica of shard {one.Shard} already"
            : state.FindNode(one.To) is not { IsOwner: true } ? $"{one.To} has no share of the ring any more"
            : null;
    }

    private static string? WhyNot(
        MoveOperator one, PlacementState state, List<PlannedMove> begun, ImmutableHashSet<NodeId> away)
    {
        if (state.Operations.IsHeld)
        {
            return "operators are paused";
        }

        if (one.IsHeld)
        {
            return "it is paused";
        }

        if (begun.Any(move => move.Shard == one.Shard)
            || state.Operations.Operators.Any(other => other.Shard == one.Shard && other.Number < one.Number))
        {
            return $"another move of shard {one.Shard} comes first";
        }

        if (away.Contains(one.To))
        {
            return $"{one.To} does not answer";
        }

        var replicas = state.Map![one.Shard].Replicas;
        var alive = replicas.Count(replica => !away.Contains(replica.Node));

        // While both vote there is one voter more, and a majority is one more if their number was odd.
        if (alive + 1 < ((replicas.Length + 1) / 2) + 1)
        {
            return $"{alive} of {replicas.Length} replicas of shard {one.Shard} answer; that is no majority with one voter more";
        }

        var settings = state.Operations.Settings;
        return begun.Count >= settings.MovesAtOnce ? $"{begun.Count} moves are under way, the most at once"
            : BusiestOf(begun, one.To) >= settings.MovesAtOncePerNode ? $"{one.To} gets {settings.MovesAtOncePerNode} replicas already, the most at once"
            : begun.Count(move => move.From == one.From) >= settings.MovesAtOncePerNode ? $"{one.From} gives {settings.MovesAtOncePerNode} replicas already, the most at once"
            : null;
    }

    private static int BusiestOf(List<PlannedMove> begun, NodeId to) => begun.Count(move => move.To == to);
}
