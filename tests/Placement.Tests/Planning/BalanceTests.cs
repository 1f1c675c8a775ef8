using KvRaft.Placement.Planning;
using KvRaft.Placement.Rules;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Tests.Planning;

public class BalanceTests
{
    private static readonly PlacementState Founded = PlacementRules.Apply(
        PlacementState.Empty, InitCluster.For(SomeCommands.ClusterId, SomeCommands.Nodes(4).Select(static node => node with { Weight = 1 }), 16, 3, SomeCommands.Secret)).State;

    [Fact]
    public void A_cluster_that_matches_the_ring_is_not_changed() => Assert.Null(Balance.Next(Founded, ClusterFacts.None));

    [Fact]
    public void An_overload_by_requested_moves_is_rebalanced_and_then_there_is_nothing_to_do()
    {
        var state = Crowded();
        var plan = Balance.Next(state, ClusterFacts.None);
        Assert.NotNull(plan);
        foreach (var move in plan.Moves)
        {
            state = Moved(state, move.Shard, move.From, move.To);
        }

        Assert.All(state.Nodes, node => Assert.Equal(12, state.Map!.ShardsOn(node.Id).Count()));
        Assert.Null(Balance.Next(state, ClusterFacts.None));
    }

    [Fact]
    public void Nothing_is_balanced_while_there_is_work_or_a_node_is_away()
    {
        var state = Crowded();
        Assert.Null(Balance.Next(state, new ClusterFacts { Away = [new NodeId("n1")] }));
        Assert.Null(Balance.Next(PlacementRules.Apply(state, new HoldOperator(0, Hold: true)).State, ClusterFacts.None));
        var plan = Balance.Next(state, ClusterFacts.None)!;
        var (busy, outcome) = PlacementRules.Apply(state, plan.ToCommand("test", 1, takesStaged: false));
        Assert.IsType<PlanCommitted>(outcome);
        Assert.Null(Balance.Next(busy, ClusterFacts.None));
    }

    /// <summary>One node holds every shard.</summary>
    private static PlacementState Crowded()
    {
        var (state, full) = (Founded, new NodeId("n0"));
        foreach (var shard in Founded.Map!.Shards.Where(shard => shard.ReplicaOn(full) is null))
        {
            state = Moved(state, shard.Id, shard.Replicas[0].Node, full);
        }

        return state;
    }

    private static PlacementState Moved(PlacementState state, ShardId shard, NodeId from, NodeId to)
    {
        var (begun, outcome) = PlacementRules.Apply(state, new StartMove(shard, from, to));
        return PlacementRules.Apply(begun, new FinishMove(shard, Assert.IsType<MoveStarted>(outcome).Move.To, MoveEnd.Moved)).State;
    }
}
