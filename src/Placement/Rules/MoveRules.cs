using System.Collections.Immutable;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Rules;

/// <summary>Applies the commands about moves to a state. Pure, and idempotent like all rules of group 0.</summary>
internal static class MoveRules
{
    public static (PlacementState, PlacementOutcome) Start(PlacementState state, StartMove start)
    {
        if (WhyNot(state, start) is { } refused)
        {
            return (state, refused);
        }

        var shard = state.Map![start.Shard];
        if (state.MoveOf(start.Shard) is { } running)
        {
            return running.From.Node == start.From && running.To.Node == start.To && !running.IsCancelling
                ? (state, new MoveStarted(running, existed: true, state.Epoch))
                : (state, new PlacementRefused(PlacementRefusal.MoveUnderWay, $"{running}; a shard has one move at a time"));
        }

        if (shard.ReplicaOn(start.From) is not { } from)
        {
            return (state, new PlacementRefused(
                PlacementRefusal.NoReplicaThere, $"shard {start.Shard} has no replica on '{start.From}'; it is on {Nodes(shard)}"));
        }

        if (shard.ReplicaOn(start.To) is not null)
        {
            return (state, new PlacementRefused(
                PlacementRefusal.ReplicaIsThere, $"shard {start.Shard} has a replica on '{start.To}' already; it is on {Nodes(shard)}"));
        }

        if (state.FindNode(start.To) is { IsOwner: false } outside)
        {
            return (state, new PlacementRefused(
                PlacementRefusal.Invalid, $"node '{start.To}' is {TopologyChanges.Word(outside.Standing)} and has no share of the ring; add it first"));
        }

        var wanted = state.Operations.Of(start.Shard, start.From, start.To);
        if (wanted is null && state.Operations.Operators.FirstOrDefault(each => each.Shard == start.Shard) is { } other)
        {
            return (state, new PlacementRefused(PlacementRefusal.MoveUnderWay, $"{other} waits; wait for it, or cancel it"));
        }

        // The initial replicas have the first incarnation and have no other replica to copy from. Every later replica has a higher incarnation and
        // must copy.
        var incarnation = Math.Max(state.HighestIncarnation(start.Shard, start.To), Replica.IncarnationFirst) + 1;
        var move = new ShardMove(start.Shard, from, new Replica(start.To, incarnation), IsCancelling: false);
        var operations = wanted is null
            ? state.Operations.With(start.Shard, start.From, start.To, "asked for by hand", plan: 0, start.AtMs)
            : state.Operations;
        var next = state.Next(moves: Sorted(state.Moves.Add(move)), operations: operations);
        return (next, new MoveStarted(move, existed: false, next.Epoch));
    }

    public static (PlacementState, PlacementOutcome) Cancel(PlacementState state, CancelMove cancel)
    {
        if (state.MoveOf(cancel.Shard) is not { } move)
        {
            return (state, new PlacementRefused(PlacementRefusal.NoMove, $"no move of shard {cancel.Shard} is under way"));
        }

        if (move.IsCancelling)
        {
            return (state, new MoveCancelling(move, state.Epoch));
        }

        var cancelling = move with { IsCancelling = true };
        var next = state.Next(moves: state.Moves.Replace(move, cancelling));
        return (next, new MoveCancelling(cancelling, next.Epoch));
    }

    public static (PlacementState, PlacementOutcome) Finish(PlacementState state, FinishMove finish)
    {
        if (PlacementChecks.MistakeIn(finish) is { } mistake)
        {
            return (state, new PlacementRefused(PlacementRefusal.Invalid, mistake));
        }

        if (NoShard(state, finish.Shard) is { } refused)
        {
            return (state, refused);
        }

        if (state.MoveOf(finish.Shard) is not { } move || move.To != finish.To)
        {
            // Another driver has already proposed the same command, and the move of that name has ended.
            return finish.To.Incarnation <= state.HighestIncarnation(finish.Shard, finish.To.Node)
                ? (state, new MoveFinished(finish.Shard, finish.To, EndOf(state, finish), state.Epoch))
                : (state, new PlacementRefused(PlacementRefusal.NoMove, $"shard {finish.Shard} is not moving to {finish.To}"));
        }

        if (finish.End == MoveEnd.Cancelled && !move.IsCancelling)
        {
            return (state, new PlacementRefused(PlacementRefusal.MoveUnderWay, $"{move}: it is not being cancelled"));
        }

        var gone = finish.End == MoveEnd.Moved ? move.From : move.To;
        var map = finish.End == MoveEnd.Moved
            ? state.Map!.WithReplicas(move.Shard, state.Map[move.Shard].Replicas.Replace(move.From, move.To))
            : null;
        var retired = state.Retired.RemoveAll(old => old.Shard == move.Shard && (old.Replica.Node == move.To.Node || old.Replica.Node == gone.Node))
            .Add(new RetiredReplica(move.Shard, gone));
        var operations = state.Operations.Of(move.Shard, move.From.Node, move.To.Node) is { } one
            ? state.Operations.Ended(one, finish.End == MoveEnd.Moved ? OperatorEnd.Moved : OperatorEnd.Cancelled, "", finish.AtMs, new Epoch(state.Epoch.Value + 1))
            : state.Operations;
        var next = state.Next(map: map, moves: state.Moves.Remove(move), retired: Sorted(retired), operations: operations);
        return (next, new MoveFinished(move.Shard, move.To, finish.End, next.Epoch));
    }

    private static PlacementRefused? WhyNot(PlacementState state, StartMove start) =>
        NoShard(state, start.Shard)
        ?? (state.FindNode(start.From) is null ? NoNode(start.From)
            : state.FindNode(start.To) is null ? NoNode(start.To)
            : null);

    private static PlacementRefused? NoShard(PlacementState state, ShardId shard) =>
        shard.Value >= 0 && shard.Value < state.Map!.ShardCount
            ? null
            : new PlacementRefused(PlacementRefusal.ShardNotFound, $"there is no shard {shard}; the last is {state.Map!.ShardCount - 1}");

    private static PlacementRefused NoNode(NodeId node) => new(PlacementRefusal.NodeNotFound, $"there is no node '{node}'");

    private static MoveEnd EndOf(PlacementState state, FinishMove finish) =>
        state.Map![finish.Shard].ReplicaOn(finish.To.Node) == finish.To ? MoveEnd.Moved : finish.End;

    private static string Nodes(ShardDescriptor shard) => string.Join(", ", shard.Replicas.Select(static replica => replica.Node));

    private static ImmutableArray<ShardMove> Sorted(ImmutableArray<ShardMove> moves) => moves.Sort(static (a, b) => a.Shard.Value.CompareTo(b.Shard.Value));

    private static ImmutableArray<RetiredReplica> Sorted(ImmutableArray<RetiredReplica> retired) => retired.Sort(
        static (a, b) => a.Shard != b.Shard ? a.Shard.Value.CompareTo(b.Shard.Value) : a.Replica.Node.CompareTo(b.Replica.Node));
}
