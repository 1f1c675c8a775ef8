using System.Collections.Immutable;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Planning;

/// <summary>
/// Decides which waiting operators may start, and gives the reason for the others. A pure function of the agreed state and of the nodes that answer.
/// A shard has one move at a time, and no move starts that would reduce the fault tolerance of a shard. The settings in the state limit the number of
/// moves at a time.
/// </summary>
public static class OperatorSchedule
{
    /// <summary>The operators that may start now, in their order, each under the assumption that those before it have started.</summary>
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

    /// <summary>The reason why a waiting operator may not start, as text for operators; null: it may start.</summary>
    public static string? WhyNot(MoveOperator one, PlacementState state, ImmutableHashSet<NodeId> away)
    {
        ArgumentNullException.ThrowIfNull(one);
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(away);
        return WhyNot(one, state, [.. state.Moves.Select(static move => new PlannedMove(move.Shard, move.From.Node, move.To.Node))], away);
    }

    /// <summary>The reason why an operator can never run, because the state has changed since it was planned; null: it can.</summary>
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

        // While both replicas vote there is one voter more; if the number of voters was odd, the majority is larger by one.
        if (alive + 1 < ((replicas.Length + 1) / 2) + 1)
        {
            return $"{alive} of {replicas.Length} replicas of shard {one.Shard} answer; that is no majority with one voter more";
        }

        var settings = state.Operations.Settings;
        return begun.Count >= settings.MovesAtOnce ? $"{begun.Count} moves are under way, the maximum"
            : BusiestOf(begun, one.To) >= settings.MovesAtOncePerNode ? $"{one.To} receives {settings.MovesAtOncePerNode} replicas already, the maximum"
            : begun.Count(move => move.From == one.From) >= settings.MovesAtOncePerNode ? $"{one.From} sends {settings.MovesAtOncePerNode} replicas already, the maximum"
            : null;
    }

    private static int BusiestOf(List<PlannedMove> begun, NodeId to) => begun.Count(move => move.To == to);
}
