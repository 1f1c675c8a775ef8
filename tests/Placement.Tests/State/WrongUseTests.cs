using KvRaft.Placement.Rules;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Tests.State;

/// <summary>Mistakes of operators: each is refused with a sentence that gives the reason, and changes nothing.</summary>
public class WrongUseTests
{
    private static readonly PlacementState Alone = PlacementRules.Apply(
        PlacementState.Empty, InitCluster.For(SomeCommands.ClusterId, SomeCommands.Nodes(1), 2, 1, SomeCommands.Secret)).State;

    [Fact]
    public void A_replica_does_not_move_to_where_one_is() => AssertRefused(
        $"shard 0 has a replica on '{SomeCommands.On(0)[1]}' already; it is on {SomeCommands.On(0)[0]}, {SomeCommands.On(0)[1]}",
        SomeCommands.Founded(), new StartMove(new ShardId(0), SomeCommands.On(0)[0], SomeCommands.On(0)[1]));

    [Fact]
    public void The_last_replica_of_a_shard_is_not_removed()
    {
        AssertRefused("0 nodes would remain to hold 1 replicas", Alone, Staged(TopologyChangeKind.Decommission, "n0"));
        AssertRefused("0 nodes would remain to hold 1 replicas", Alone, Staged(TopologyChangeKind.SetAside, "n0"));
        AssertRefused("has a replica on 'n0' already", Alone, new StartMove(new ShardId(0), new NodeId("n0"), new NodeId("n0")));
    }

    [Fact]
    public void No_node_is_decommissioned_below_the_number_of_replicas()
    {
        var two = SomeCommands.After(SomeCommands.Init, Staged(TopologyChangeKind.Decommission, "n0"));
        Assert.NotEmpty(two.Operations.Staged);
        AssertRefused("1 nodes would remain to hold 2 replicas of each shard; add a node first", two, Staged(TopologyChangeKind.Decommission, "n1"));
    }

    [Fact]
    public void A_weight_of_zero_is_refused_for_one_node_and_for_all()
    {
        AssertRefused("weight 0 is not from 0.01 to 100; to move all shards off a node, decommission it", SomeCommands.Founded(), Weights("n1"));
        AssertRefused("weight 0 is not from 0.01 to 100; to move all shards off a node, decommission it", SomeCommands.Founded(), Weights("n0", "n1", "n2"));

        static StageChanges Weights(params string[] nodes) => new([.. nodes.Select(static node => new TopologyChange(TopologyChangeKind.Weight, new NodeId(node), Weight: 0))]);
    }

    [Fact]
    public void An_unknown_name_is_refused()
    {
        var state = SomeCommands.Founded();
        AssertRefused("there is no node 'n7'", state, new StartMove(new ShardId(0), SomeCommands.On(0)[0], new NodeId("n7")));
        AssertRefused("there is no shard 4; the last is 3", state, new StartMove(new ShardId(4), SomeCommands.On(0)[0], SomeCommands.Off(0)));
        AssertRefused("there is no node 'n7'", state, Staged(TopologyChangeKind.Decommission, "n7"));
        AssertRefused("there is no node 'n7'", state, new DrainNode(new NodeId("n7"), Drain: true));
        AssertRefused("there is no node 'n7'", state, new RemoveNode(new NodeId("n7")));
        AssertRefused("there is no operator op-7", state, new EndOperator(7, "", 0));
        AssertRefused("there is no operator op-7", state, new HoldOperator(7, Hold: true));
        AssertRefused("no move of shard 0 is under way", state, new CancelMove(new ShardId(0)));
    }

    [Fact]
    public void One_plan_is_carried_out_at_a_time()
    {
        var (from, to) = (SomeCommands.On(0)[0], SomeCommands.Off(0));
        var busy = SomeCommands.After(SomeCommands.Init, Plan(new Epoch(1), new PlannedMove(new ShardId(0), from, to)));
        AssertRefused(
            $"1 moves of plan 1 are not done yet (op-1: shard 0 {from} -> {to}); wait for them, or cancel them",
            busy, Plan(busy.Epoch, new PlannedMove(new ShardId(1), SomeCommands.On(1)[0], SomeCommands.Off(1))));
        AssertRefused("waits; wait for it, or cancel it", busy, new StartMove(new ShardId(0), SomeCommands.On(0)[1], to));

        static CommitPlan Plan(Epoch epoch, PlannedMove move) => new() { Base = epoch, Changes = [], Moves = [move], Cause = "test" };
    }

    private static StageChanges Staged(TopologyChangeKind kind, string node) => new([new TopologyChange(kind, new NodeId(node))]);

    private static void AssertRefused(string why, PlacementState state, PlacementCommand command)
    {
        var (next, outcome) = PlacementRules.Apply(state, command);
        Assert.Contains(why, Assert.IsType<PlacementRefused>(outcome).Message, StringComparison.Ordinal);
        Assert.Same(state, next);
    }
}
