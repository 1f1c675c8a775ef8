using CsCheck;
using KvRaft.Placement.Rules;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Tests.Rules;

public class NodeRulesTests
{
    private static readonly NodeId N0 = new("n0");
    private static readonly NodeId N9 = SomeCommands.Newcomer.Id;
    private static readonly Guid Other = new("00000000-0000-0000-0000-000000000008");

    [Fact]
    public void A_node_that_joins_is_known_and_holds_nothing()
    {
        var state = SomeCommands.After(SomeCommands.Init, new JoinNode(SomeCommands.Newcomer));
        Assert.Equal(SomeCommands.Newcomer, state.FindNode(N9));
        Assert.Empty(state.Map!.ShardsOn(N9));
        Assert.True(Assert.IsType<NodeJoined>(PlacementRules.Apply(state, new JoinNode(SomeCommands.Newcomer)).Outcome).Existed);
    }

    [Fact]
    public void A_name_an_instance_and_an_address_belong_to_one_node()
    {
        var state = SomeCommands.After(SomeCommands.Init, new JoinNode(SomeCommands.Newcomer));
        AssertRefused(state, new JoinNode(SomeCommands.Newcomer with { Instance = Other }), PlacementRefusal.NodeExists);
        AssertRefused(state, new RegisterNode(N9, Other, "n9:1", "n9:2"), PlacementRefusal.NodeExists);
        AssertRefused(state, new JoinNode(SomeCommands.Newcomer with { Id = new NodeId("n8") }), PlacementRefusal.AddressTaken);
        AssertRefused(state, new RegisterNode(N9, SomeCommands.Newcomer.Instance, "n9:1", "n0.example:7400"), PlacementRefusal.AddressTaken);
    }

    [Fact]
    public void An_initial_node_registers_its_instance_once()
    {
        var state = SomeCommands.After(SomeCommands.Init, new RegisterNode(N0, Other, "a:1", "a:2"));
        Assert.Equal((Other, "a:1", "a:2"), (state.FindNode(N0)!.Instance, state.FindNode(N0)!.RaftAddress, state.FindNode(N0)!.PublicAddress));
        AssertRefused(state, new RegisterNode(N0, SomeCommands.Newcomer.Instance, "a:1", "a:2"), PlacementRefusal.NodeExists);
        Assert.Equal(state, PlacementRules.Apply(state, new RegisterNode(N0, Other, "a:1", "a:2")).State);
    }

    [Fact]
    public void A_new_node_at_the_address_of_an_absent_one_is_its_only_owner()
    {
        var taker = SomeCommands.Newcomer with { RaftAddress = "n0.example:7401", PublicAddress = "n0.example:7400" };
        var state = SomeCommands.After(SomeCommands.Init, new JoinNode(taker, N0));
        Assert.Equal(taker, state.FindNode(N9));
        Assert.DoesNotContain("example", state.FindNode(N0)!.PublicAddress, StringComparison.Ordinal);
        AssertRefused(SomeCommands.Founded(), new JoinNode(taker, new NodeId("n1")), PlacementRefusal.AddressTaken);
    }

    [Fact]
    public void A_node_is_drained_and_undrained_and_a_newcomer_is_not()
    {
        var state = SomeCommands.After(SomeCommands.Init, new JoinNode(SomeCommands.Newcomer), new DrainNode(N0, Drain: true));
        Assert.Equal(NodeStanding.Draining, state.FindNode(N0)!.Standing);
        Assert.Equal(NodeStanding.Active, PlacementRules.Apply(state, new DrainNode(N0, Drain: false)).State.FindNode(N0)!.Standing);
        AssertRefused(state, new DrainNode(N9, Drain: true), PlacementRefusal.Invalid);
        AssertRefused(state, new DrainNode(new NodeId("nobody"), Drain: true), PlacementRefusal.NodeNotFound);
    }

    [Fact]
    public void A_node_is_removed_when_it_holds_nothing_and_never_comes_back()
    {
        var state = SomeCommands.After(SomeCommands.Init, new JoinNode(SomeCommands.Newcomer));
        AssertRefused(state, new RemoveNode(N9), PlacementRefusal.Invalid);
        AssertRefused(state, new RemoveNode(N0), PlacementRefusal.Invalid);
        var leaving = Apply(state, new CommitPlan
        {
            Base = state.Epoch,
            Changes = [new TopologyChange(TopologyChangeKind.Decommission, N9)],
            Moves = [],
            Cause = "",
        });
        var gone = Apply(leaving, new RemoveNode(N9));
        Assert.Null(gone.FindNode(N9));
        Assert.Equal([N9], gone.Removed);
        AssertRefused(gone, new JoinNode(SomeCommands.Newcomer), PlacementRefusal.NodeExists);
        AssertRefused(gone, new RegisterNode(N9, Other, "n9:1", "n9:2"), PlacementRefusal.NodeExists);
        Assert.IsType<NodeRemoved>(PlacementRules.Apply(gone, new RemoveNode(N9)).Outcome);
    }

    [Fact]
    public void For_any_commands_names_and_addresses_stay_unique_and_every_replica_is_on_a_node() =>
        Gen.OneOf(SomeCommands.Any, SomeCommands.AnyOperation).List[0, 40].Sample(
            commands =>
            {
                var state = SomeCommands.After([SomeCommands.Init, .. commands]);
                Assert.Equal(state.Nodes.Length, state.Nodes.Select(node => node.Id).Distinct().Count());
                Assert.Empty(state.Nodes.Select(node => node.Id).Intersect(state.Removed));
                Assert.All(state.Map!.Shards, shard => Assert.All(shard.Replicas, replica => Assert.NotNull(state.FindNode(replica.Node))));
                Assert.All(state.Moves, move => Assert.NotNull(state.Operations.Of(move.Shard, move.From.Node, move.To.Node)));
                Assert.All(state.Map.Shards, shard => Assert.Equal(2, shard.Replicas.Length));
            },
            iter: 3_000);

    [Fact]
    public void Every_command_repeated_at_once_changes_nothing_more() =>
        Gen.Select(Gen.OneOf(SomeCommands.Any, SomeCommands.AnyOperation).List[0, 20], SomeCommands.AnyOperation).Sample(
            (commands, last) =>
            {
                var once = PlacementRules.Apply(SomeCommands.After([SomeCommands.Init, .. commands]), last).State;
                Assert.Equal(once, PlacementRules.Apply(once, last).State);
            },
            iter: 3_000);

    private static PlacementState Apply(PlacementState state, PlacementCommand command)
    {
        var (next, outcome) = PlacementRules.Apply(state, command);
        Assert.False(outcome is PlacementRefused, $"{outcome}");
        return next;
    }

    private static void AssertRefused(PlacementState state, PlacementCommand command, PlacementRefusal reason)
    {
        var (next, outcome) = PlacementRules.Apply(state, command);
        Assert.Equal(reason, Assert.IsType<PlacementRefused>(outcome).Reason);
        Assert.Equal(state, next);
    }
}
