using System.Collections.Immutable;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Rules;

/// <summary>Applies the commands about plans and operators to a state. Pure and idempotent.</summary>
internal static class PlanRules
{
    public static (PlacementState, PlacementOutcome) Stage(PlacementState state, StageChanges stage)
    {
        if (PlacementChecks.MistakeIn(stage.Changes) is { } mistake)
        {
            return (state, new PlacementRefused(PlacementRefusal.Invalid, mistake));
        }

        // A change that is already staged is not staged twice.
        var staged = state.Operations.Staged.AddRange(stage.Changes.Where(change => !state.Operations.Staged.Contains(change)));
        if (staged.Length == state.Operations.Staged.Length)
        {
            return (state, new ChangesStaged(staged, state.Epoch));
        }

        if (staged.Length > PlacementLimits.StagedMax)
        {
            return (state, new PlacementRefused(PlacementRefusal.Invalid, $"a plan has at most {PlacementLimits.StagedMax} changes"));
        }

        var (nodes, refused) = TopologyChanges.Apply(state.Nodes, state.Map!.ReplicationFactor, staged);
        refused ??= TooFewFor(state.Keyspaces, state.Nodes, nodes);
        if (refused is not null)
        {
            return (state, refused);
        }

        var next = state.Next(operations: state.Operations with { Staged = staged });
        return (next, new ChangesStaged(staged, next.Epoch));
    }

    public static (PlacementState, PlacementOutcome) Clear(PlacementState state)
    {
        if (state.Operations.Staged.IsEmpty)
        {
            return (state, new ChangesStaged([], state.Epoch));
        }

        var next = state.Next(operations: state.Operations with { Staged = [] });
        return (next, new ChangesStaged([], next.Epoch));
    }

    public static (PlacementState, PlacementOutcome) Commit(PlacementState state, CommitPlan commit)
    {
        if (PlacementChecks.MistakeIn(commit) is { } mistake)
        {
            return (state, new PlacementRefused(PlacementRefusal.Invalid, mistake));
        }

        // Checked before the epoch, so that the message names the unfinished plan instead of two epoch numbers.
        if (state.Operations.Operators is [var first, ..])
        {
            return (state, new PlacementRefused(
                PlacementRefusal.PlanUnderWay,
                $"{state.Operations.Operators.Length} moves of {(first.Plan > 0 ? $"plan {first.Plan}" : "before")} are not done yet ({first}); wait for them, or cancel them"));
        }

        if (commit.Base != state.Epoch)
        {
            return (state, new PlacementRefused(
                PlacementRefusal.PlanIsStale, $"the plan was made at ring epoch {commit.Base}, and the epoch is {state.Epoch} now; make a new plan"));
        }

        var (nodes, refused) = TopologyChanges.Apply(state.Nodes, state.Map!.ReplicationFactor, commit.Changes);
        refused ??= TooFewFor(state.Keyspaces, state.Nodes, nodes) ?? WhyNot(state, nodes, commit.Moves);
        if (refused is not null)
        {
            return (state, refused);
        }

        var plan = state.Operations.NextPlan;
        var operations = state.Operations with
        {
            NextPlan = plan + 1,
            Staged = commit.TakesStaged ? [] : state.Operations.Staged,
        };
        operations = commit.Moves.Aggregate(
            operations, (all, move) => all.With(move.Shard, move.From, move.To, commit.Cause, plan, commit.AtMs));
        var next = state.Next(nodes: nodes, operations: operations);
        return (next, new PlanCommitted(plan, commit.Moves.Length, next.Epoch));
    }

    public static (PlacementState, PlacementOutcome) End(PlacementState state, EndOperator end)
    {
        if (state.Operations.Find(end.Operator) is not { } one)
        {
            return state.Operations.History.FirstOrDefault(ended => ended.Operator.Number == end.Operator) is { } ended
                ? (state, new OperatorChanged(ended.Operator, state.Epoch, hadEnded: true))
                : NoOperator(state, end.Operator);
        }

        if (one.IsRunning(state))
        {
            // The operator ends when its move ends: the leader of the shard reverts it.
            var move = state.MoveOf(one.Shard)!;
            if (move.IsCancelling)
            {
                return (state, new OperatorChanged(one, state.Epoch));
            }

            var cancelling = state.Next(moves: state.Moves.Replace(move, move with { IsCancelling = true }));
            return (cancelling, new OperatorChanged(one, cancelling.Epoch));
        }

        var next = state.Next(operations: state.Operations.Ended(one, OperatorEnd.Dropped, end.Note, end.AtMs, new Epoch(state.Epoch.Value + 1)));
        return (next, new OperatorChanged(one, next.Epoch));
    }

    public static (PlacementState, PlacementOutcome) Hold(PlacementState state, HoldOperator hold)
    {
        var operations = state.Operations;
        if (hold.Operator == 0)
        {
            if (operations.IsHeld == hold.Hold)
            {
                return (state, new OperatorChanged(null, state.Epoch));
            }

            var held = state.Next(operations: operations with { IsHeld = hold.Hold });
            return (held, new OperatorChanged(null, held.Epoch));
        }

        if (operations.Find(hold.Operator) is not { } one)
        {
            return NoOperator(state, hold.Operator);
        }

        if (one.IsHeld == hold.Hold)
        {
            return (state, new OperatorChanged(one, state.Epoch));
        }

        var changed = one with { IsHeld = hold.Hold };
        var next = state.Next(operations: operations with { Operators = operations.Operators.Replace(one, changed) });
        return (next, new OperatorChanged(changed, next.Epoch));
    }

    /// <summary>Refuses a plan that leaves fewer nodes than an eventual keyspace has copies.</summary>
    private static PlacementRefused? TooFewFor(ImmutableArray<KeyspaceDescriptor> keyspaces, ImmutableArray<NodeDescriptor> before, ImmutableArray<NodeDescriptor> after)
    {
        var (had, left) = (before.Count(static node => node.IsOwner), after.Count(static node => node.IsOwner));
        return left < had && keyspaces.FirstOrDefault(keyspace => keyspace.Eventual?.Quorum.N > left) is { } kept
            ? new PlacementRefused(
                PlacementRefusal.TooFewNodes,
                $"{left} nodes would remain to hold {kept.Eventual!.Quorum.N} copies of each key of keyspace '{kept.Name}'; add a node first, or reduce n")
            : null;
    }

    /// <summary>Every move must be possible after those before it, and must end on a node that has a share.</summary>
    private static PlacementRefused? WhyNot(PlacementState state, ImmutableArray<NodeDescriptor> nodes, ImmutableArray<PlannedMove> moves)
    {
        var owners = nodes.Where(static node => node.IsOwner).Select(static node => node.Id).ToHashSet();
        var holders = new Dictionary<ShardId, HashSet<NodeId>>();
        foreach (var move in moves)
        {
            if (move.Shard.Value >= state.Map!.ShardCount)
            {
                return new PlacementRefused(PlacementRefusal.ShardNotFound, $"there is no shard {move.Shard}");
            }

            if (!holders.TryGetValue(move.Shard, out var on))
            {
                holders.Add(move.Shard, on = [.. state.Map[move.Shard].Replicas.Select(static replica => replica.Node)]);
            }

            if (!owners.Contains(move.To) || !on.Remove(move.From) || !on.Add(move.To))
            {
                return new PlacementRefused(PlacementRefusal.Invalid, $"shard {move.Shard} cannot go from {move.From} to {move.To}");
            }
        }

        return null;
    }

    private static (PlacementState, PlacementOutcome) NoOperator(PlacementState state, long number) =>
        (state, new PlacementRefused(PlacementRefusal.NoOperator, $"there is no operator op-{number}"));
}
