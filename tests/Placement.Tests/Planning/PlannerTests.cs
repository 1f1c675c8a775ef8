using CsCheck;
using KvRaft.Placement.Planning;
using KvRaft.Placement.Rules;
using KvRaft.Placement.State;

namespace KvRaft.Placement.Tests.Planning;

public class PlannerTests
{
    private static readonly Gen<(int Seed, int Nodes, int Zones)> Clusters = Gen.Select(Gen.Int[1, 1000], Gen.Int[4, 9], Gen.Int[0, 3]);

    [Fact]
    public void A_plan_that_was_carried_out_leaves_nothing_to_plan() => Clusters.Sample(
        cluster =>
        {
            var world = new World(cluster.Seed, cluster.Nodes, shardCount: 16, replicationFactor: 3, cluster.Zones);
            var change = new TopologyChange(TopologyChangeKind.Decommission, world.State.Nodes[cluster.Seed % cluster.Nodes].Id);
            var plan = world.PlanFor(change)!;
            var state = Carried(world.State, plan);
            Assert.Empty(Planner.Make(state, [], ClusterFacts.None).Plan!.Moves);
            Assert.Empty(state.Map!.ShardsOn(change.Node));
        },
        iter: 25);

    [Fact]
    public void A_decommission_moves_only_the_replicas_of_the_node_and_those_that_fairness_requires() => Clusters.Sample(
        cluster =>
        {
            var world = new World(cluster.Seed, cluster.Nodes, shardCount: 16, replicationFactor: 3);
            var node = world.State.Nodes[cluster.Seed % cluster.Nodes].Id;
            var plan = world.PlanFor(new TopologyChange(TopologyChangeKind.Decommission, node))!;
            var held = world.State.Map!.ShardsOn(node).Count();
            Assert.Equal(held, plan.Moves.Count(move => move.From == node));
            Assert.InRange(plan.Moves.Length, held, held + cluster.Nodes);
            Assert.Equal(0, plan.Shares.Single(share => share.Node == node).After);
        },
        iter: 25);

    [Fact]
    public void Fault_tolerance_is_reported_before_during_and_after()
    {
        var world = new World(1, nodes: 5, shardCount: 8, replicationFactor: 3);
        var node = world.State.Nodes[0].Id;
        var change = new TopologyChange(TopologyChangeKind.Decommission, node);
        Assert.Equal(new Tolerance(1, 1, 1, ZoneBefore: true, ZoneAfter: true), world.PlanFor(change)!.Tolerance);

        // The removed node is dead: its shards tolerate no further failure until the successor is there.
        var without = Planner.Make(world.State, [change], new ClusterFacts { Away = [node] }).Plan!;
        Assert.Equal((0, 0, 1), (without.Tolerance.Before, without.Tolerance.During, without.Tolerance.After));
        Assert.Contains(without.Warnings, warning => warning.Contains($"{node} does not answer", StringComparison.Ordinal));
    }

    [Fact]
    public void Replicas_of_absent_nodes_are_replaced_first_and_receivers_take_turns()
    {
        var world = new World(1, nodes: 6, shardCount: 32, replicationFactor: 3);
        var (dead, leaving) = (world.State.Nodes[0].Id, world.State.Nodes[1].Id);
        var plan = Planner.Make(
            world.State,
            [new TopologyChange(TopologyChangeKind.SetAside, dead), new TopologyChange(TopologyChangeKind.Decommission, leaving)],
            new ClusterFacts { Away = [dead] }).Plan!;
        var sources = plan.Moves.Select(move => move.From == dead).ToArray();
        Assert.Equal(sources.OrderByDescending(isDead => isDead), sources);
        Assert.Equal(3, plan.Moves.Take(3).Select(move => move.To).Distinct().Count());
    }

    [Fact]
    public void Bytes_are_reported_if_sizes_are_known_and_a_full_disk_gives_a_warning()
    {
        var world = new World(1, nodes: 4, shardCount: 4, replicationFactor: 3);
        var node = world.State.Nodes[0].Id;
        var change = new TopologyChange(TopologyChangeKind.Decommission, node);
        Assert.Null(world.PlanFor(change)!.Bytes);
        var facts = new ClusterFacts
        {
            ShardBytes = world.State.Map!.Shards.Aggregate(ClusterFacts.None.ShardBytes, (all, shard) => all.Add(shard.Id, 100)),
            FreeBytes = world.State.Nodes.Aggregate(ClusterFacts.None.FreeBytes, (all, each) => all.Add(each.Id, 50)),
        };
        var plan = Planner.Make(world.State, [change], facts).Plan!;
        Assert.Equal(100L * plan.Moves.Length, plan.Bytes);
        Assert.Contains(plan.Warnings, warning => warning.Contains("50 bytes free", StringComparison.Ordinal));
    }

    [Fact]
    public void Zones_are_used_if_there_are_enough_and_otherwise_a_warning_is_given()
    {
        var three = new World(2, nodes: 6, shardCount: 16, replicationFactor: 3, zones: 3);
        var plan = three.PlanFor(new TopologyChange(TopologyChangeKind.Decommission, three.State.Nodes[0].Id))!;
        var state = Carried(three.State, plan);
        Assert.All(state.Map!.Shards, shard => Assert.Equal(3, shard.Replicas.Select(replica => state.FindNode(replica.Node)!.Zone).Distinct().Count()));
        Assert.True(plan.Tolerance.ZoneAfter);

        var two = new World(2, nodes: 6, shardCount: 16, replicationFactor: 3, zones: 2);
        Assert.Contains(two.PlanFor()!.Warnings, warning => warning.Contains("2 zones for 3 replicas", StringComparison.Ordinal));
    }

    private static PlacementState Carried(PlacementState state, Plan plan)
    {
        state = Apply(state, plan.ToCommand("test", 0, takesStaged: false));
        foreach (var move in plan.Moves)
        {
            state = Apply(state, new StartMove(move.Shard, move.From, move.To));
            state = Apply(state, new FinishMove(move.Shard, state.MoveOf(move.Shard)!.To, MoveEnd.Moved));
        }

        return state;
    }

    private static PlacementState Apply(PlacementState state, PlacementCommand command)
    {
        var (next, outcome) = PlacementRules.Apply(state, command);
        Assert.False(outcome is PlacementRefused, $"{outcome}");
        return next;
    }

    // The dry run of a plan took it, because only the commit checked more than its length.
    [Theory]
    [InlineData("\0\n", "the zone has a character that is not printable (U+0000)")]
    [InlineData("a\u202e", "the zone has a character that is not printable (U+202E)")]
    [InlineData(" a", "the zone begins or ends with a space")]
    public void A_zone_that_is_not_printable_is_refused_by_the_dry_run_and_when_it_is_staged(string zone, string mistake)
    {
        var state = new World(1, nodes: 3, shardCount: 4, replicationFactor: 3, zones: 0).State;
        var change = new TopologyChange(TopologyChangeKind.Zone, state.Nodes[0].Id, Zone: zone);

        var (plan, refused) = Planner.Make(state, [change], ClusterFacts.None);

        Assert.Null(plan);
        Assert.Equal((PlacementRefusal.Invalid, mistake), (refused!.Reason, refused.Message));
        Assert.Equal(mistake, KvRaft.Placement.Rules.PlacementChecks.MistakeIn([change]));
    }
}
