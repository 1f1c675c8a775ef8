using KvRaft.Placement.Rules;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Tests.Rules;

public class PlanRulesTests
{
    private static readonly NodeId N9 = SomeCommands.Newcomer.Id;
    private static readonly PlacementState Joined = SomeCommands.After(SomeCommands.Init, new JoinNode(SomeCommands.Newcomer));

    [Fact]
    public void A_plan_changes_nodes_and_its_moves_wait()
    {
        var state = Committed();
        Assert.Equal(NodeStanding.Active, state.FindNode(N9)!.Standing);
        Assert.Equal([1L, 2L], state.Operations.Operators.Select(one => one.Number));
        Assert.Empty(state.Moves);
        Assert.False(state.Operations.Operators[0].IsRunning(state));
    }

    [Fact]
    public void A_second_plan_while_one_runs_is_refused_with_what_is_in_the_way()
    {
        var state = Committed();
        var refused = Refused(state, Plan(state, []));
        Assert.Equal(PlacementRefusal.PlanUnderWay, refused.Reason);
        Assert.Contains("2 moves of plan 1 are not done yet", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plan_made_from_another_state_is_refused() =>
        Assert.Equal(PlacementRefusal.PlanIsStale, Refused(Joined, Plan(SomeCommands.Founded(), [])).Reason);

    [Fact]
    public void An_operator_ends_with_its_move_and_is_added_to_the_history()
    {
        var state = Committed();
        var one = state.Operations.Operators[0];
        state = Apply(state, new StartMove(one.Shard, one.From, one.To, 5));
        Assert.True(state.Operations.Operators[0].IsRunning(state));
        state = Apply(state, new FinishMove(one.Shard, state.Moves[0].To, MoveEnd.Moved, 7));
        Assert.Single(state.Operations.Operators);
        Assert.Equal((one, OperatorEnd.Moved, 7L), (state.Operations.History[0].Operator, state.Operations.History[0].End, state.Operations.History[0].AtMs));
    }

    [Fact]
    public void A_waiting_operator_is_dropped_and_a_running_one_is_reverted()
    {
        var state = Committed();
        var (first, second) = (state.Operations.Operators[0], state.Operations.Operators[1]);
        state = Apply(state, new StartMove(first.Shard, first.From, first.To));
        state = Apply(state, new EndOperator(first.Number, "no", 3));
        Assert.True(state.Moves[0].IsCancelling);
        state = Apply(state, new EndOperator(second.Number, "no", 4));
        Assert.Equal([first], state.Operations.Operators);
        state = Apply(state, new FinishMove(first.Shard, state.Moves[0].To, MoveEnd.Cancelled));
        Assert.Equal([OperatorEnd.Dropped, OperatorEnd.Cancelled], state.Operations.History.Select(ended => ended.End));
        Assert.Empty(state.Operations.Operators);
    }

    [Fact]
    public void A_requested_move_is_an_operator_and_does_not_conflict_with_a_plan()
    {
        var state = Committed();
        var one = state.Operations.Operators[0];
        var elsewhere = SomeCommands.On(one.Shard.Value).First(node => node != one.From);
        Assert.Equal(PlacementRefusal.MoveUnderWay, Refused(state, new StartMove(one.Shard, elsewhere, one.To)).Reason);
        var byHand = SomeCommands.After(SomeCommands.Init, new StartMove(new ShardId(0), SomeCommands.On(0)[0], SomeCommands.Off(0)));
        Assert.Equal(0, Assert.Single(byHand.Operations.Operators).Plan);
    }

    [Theory]
    [InlineData(TopologyChangeKind.Weight, "n0", 0, "not from 0.01 to 100")]
    [InlineData(TopologyChangeKind.Weight, "n7", 1, "there is no node 'n7'")]
    [InlineData(TopologyChangeKind.Decommission, "n7", 0, "there is no node 'n7'")]
    [InlineData(TopologyChangeKind.Add, "n0", 0, "has its share already")]
    [InlineData(TopologyChangeKind.Add, "n7", 0, "node 'n7' has not joined; wait until 'kvctl node list' shows it, and repeat the command")]
    public void Invalid_changes_are_refused_with_the_reason(TopologyChangeKind kind, string node, double weight, string why) =>
        Assert.Contains(why, Refused(Joined, new StageChanges([new TopologyChange(kind, new NodeId(node), Weight: weight)])).Message, StringComparison.Ordinal);

    [Fact]
    public void Too_few_nodes_for_the_replicas_is_refused()
    {
        var refused = Refused(Joined, new StageChanges(
        [
            new TopologyChange(TopologyChangeKind.Decommission, new NodeId("n0")),
            new TopologyChange(TopologyChangeKind.Decommission, new NodeId("n1")),
        ]));
        Assert.Equal(PlacementRefusal.TooFewNodes, refused.Reason);
        Assert.Contains("1 nodes would remain to hold 2 replicas", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Fewer_nodes_than_copies_of_an_eventual_keyspace_are_refused()
    {
        var state = SomeCommands.After(
            SomeCommands.Init, new JoinNode(SomeCommands.Newcomer), new CreateKeyspace("carts")
            {
                Mode = KeyspaceMode.Eventual,
                Eventual = EventualPolicy.Default,
            });
        var leave = new TopologyChange(TopologyChangeKind.Decommission, state.Nodes[0].Id);
        Assert.Contains("2 nodes would remain to hold 3 copies of each key of keyspace 'carts'", Refused(state, new StageChanges([leave])).Message, StringComparison.Ordinal);
        Assert.Contains("2 nodes would remain to hold 3 copies of each key of keyspace 'carts'", Refused(state, Plan(state, [leave])).Message, StringComparison.Ordinal);

        // One is added and one is removed: the number stays the same.
        var (_, outcome) = PlacementRules.Apply(state, new StageChanges([new TopologyChange(TopologyChangeKind.Add, N9), leave]));
        Assert.IsType<ChangesStaged>(outcome);
    }

    [Fact]
    public void The_end_of_an_ended_operator_changes_nothing_and_says_so()
    {
        var state = Committed();
        var one = state.Operations.Operators[0];
        var (dropped, first) = PlacementRules.Apply(state, new EndOperator(one.Number, "no", 3));
        var (again, second) = PlacementRules.Apply(dropped, new EndOperator(one.Number, "no", 4));
        Assert.False(Assert.IsType<OperatorChanged>(first).HadEnded);
        Assert.True(Assert.IsType<OperatorChanged>(second).HadEnded);
        Assert.Equal(dropped, again);
    }

    [Fact]
    public void Staged_changes_are_discarded_by_clear_and_consumed_by_commit()
    {
        var change = new TopologyChange(TopologyChangeKind.Add, N9);
        var staged = Apply(Apply(Joined, new StageChanges([change])), new StageChanges([change]));
        Assert.Equal([change], staged.Operations.Staged);
        Assert.Empty(Apply(staged, new ClearPlan()).Operations.Staged);
        Assert.Empty(Apply(staged, Plan(staged, [change]) with { TakesStaged = true }).Operations.Staged);
    }

    [Fact]
    public void Operators_are_held_one_by_one_and_all_together()
    {
        var state = Apply(Committed(), new HoldOperator(2, Hold: true));
        Assert.Equal([false, true], state.Operations.Operators.Select(one => one.IsHeld));
        Assert.True(Apply(state, new HoldOperator(0, Hold: true)).Operations.IsHeld);
        Assert.Equal(PlacementRefusal.NoOperator, Refused(state, new HoldOperator(7, Hold: true)).Reason);
        Assert.Equal(PlacementRefusal.NoOperator, Refused(state, new EndOperator(7, "", 0)).Reason);
    }

    private static PlacementState Committed() => Apply(Joined, Plan(Joined, [new TopologyChange(TopologyChangeKind.Add, N9)]) with
    {
        Moves =
        [
            new PlannedMove(new ShardId(0), SomeCommands.On(0)[0], N9),
            new PlannedMove(new ShardId(1), SomeCommands.On(1)[0], N9),
        ],
    });

    private static CommitPlan Plan(PlacementState state, TopologyChange[] changes) => new()
    {
        Base = state.Epoch,
        Changes = [.. changes],
        Moves = [],
        Cause = "because",
    };

    private static PlacementState Apply(PlacementState state, PlacementCommand command)
    {
        var (next, outcome) = PlacementRules.Apply(state, command);
        Assert.False(outcome is PlacementRefused, $"{outcome}");
        return next;
    }

    private static PlacementRefused Refused(PlacementState state, PlacementCommand command)
    {
        var (next, outcome) = PlacementRules.Apply(state, command);
        Assert.Equal(state, next);
        return Assert.IsType<PlacementRefused>(outcome);
    }
}
