using System.Collections.Immutable;
using CsCheck;
using KvRaft.Placement.Planning;
using KvRaft.Placement.Rules;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Tests.Planning;

/// <summary>Which operators start, which nodes vote in group 0, and which lead: each a function of the observations.</summary>
public class DriverDecisionTests
{
    private static readonly ImmutableHashSet<NodeId> Nobody = [];

    [Fact]
    public void Moves_start_up_to_the_limits_and_the_others_report_why_they_wait()
    {
        var state = Planned(out var leaving);
        var ready = OperatorSchedule.Ready(state, Nobody);
        Assert.Equal(2, ready.Count);
        Assert.All(ready, one => Assert.Equal(leaving, one.From));
        foreach (var one in ready)
        {
            state = Apply(state, new StartMove(one.Shard, one.From, one.To));
        }

        var waits = state.Operations.Operators.First(one => !one.IsRunning(state));
        Assert.Equal($"{leaving} sends 2 replicas already, the maximum", OperatorSchedule.WhyNot(waits, state, Nobody));
        Assert.Equal("2 moves are under way, the maximum", OperatorSchedule.WhyNot(waits, Apply(state, new ChangeSettings { MovesAtOnce = 2 }), Nobody));
        Assert.Empty(OperatorSchedule.Ready(state, Nobody));
    }

    [Fact]
    public void No_move_starts_to_an_absent_node_or_without_a_majority_or_while_paused()
    {
        var state = Planned(out _);
        var one = state.Operations.Operators[0];
        Assert.Equal($"{one.To} does not answer", OperatorSchedule.WhyNot(one, state, [one.To]));
        var replicas = state.Map![one.Shard].Replicas.Select(static replica => replica.Node).Where(node => node != one.From).ToImmutableHashSet();
        Assert.Contains("1 of 3 replicas", OperatorSchedule.WhyNot(one, state, replicas), StringComparison.Ordinal);
        Assert.Null(OperatorSchedule.WhyNot(one, state, [one.From]));
        Assert.Equal("it is paused", OperatorSchedule.WhyNot(one with { IsHeld = true }, state, Nobody));
        Assert.Equal("operators are paused", OperatorSchedule.WhyNot(one, Apply(state, new HoldOperator(0, Hold: true)), Nobody));
    }

    [Fact]
    public void An_obsolete_move_is_distinguished_from_a_waiting_one()
    {
        var state = Planned(out _);
        var one = state.Operations.Operators[0];
        Assert.Null(OperatorSchedule.WhyNever(one, state));
        Assert.Contains("has no replica", OperatorSchedule.WhyNever(one with { From = one.To }, state), StringComparison.Ordinal);
        Assert.Contains("has a replica", OperatorSchedule.WhyNever(one with { To = state.Map![one.Shard].Replicas.Last(replica => replica.Node != one.From).Node }, state), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, 0, NodeHealthState.Up)]
    [InlineData(9, 7.9, NodeHealthState.Up)]
    [InlineData(1, 8, NodeHealthState.Suspect)]
    [InlineData(10, 0, NodeHealthState.Down)]
    [InlineData(600, 300, NodeHealthState.Dead)]
    public void A_longer_and_more_unusual_silence_is_a_worse_state(int seconds, double suspicion, NodeHealthState expected) =>
        Assert.Equal(expected, NodeHealth.Of(TimeSpan.FromSeconds(seconds), suspicion, new HealthLimits()));

    [Fact]
    public void Without_a_delay_no_node_is_dead() =>
        Assert.Equal(NodeHealthState.Down, NodeHealth.Of(TimeSpan.FromDays(9), 300, new HealthLimits { DeadAfter = TimeSpan.Zero }));

    [Fact]
    public void A_leaving_voter_is_replaced_and_the_new_voter_is_added_first()
    {
        var state = Planned(out var leaving);
        var voters = state.Nodes.Select(static node => node.Id).Where(node => node == leaving || string.CompareOrdinal(node.Value, "n4") < 0).Take(3).ToHashSet();
        voters.Add(leaving);
        var seats = voters.Take(3).ToHashSet();
        Assert.Contains(leaving, seats);
        var steps = new List<Group0VoterChange>();
        while (Group0VoterRules.Next(state, seats, Nobody, _ => true) is { } change)
        {
            steps.Add(change);
            Assert.True(change.Add ? seats.Add(change.Node) : seats.Remove(change.Node));
            Assert.InRange(steps.Count, 1, 4);
        }

        Assert.Equal([true, false], steps.Select(static step => step.Add));
        Assert.Equal(3, seats.Count);
        Assert.DoesNotContain(leaving, seats);
    }

    // Found in a running cluster: without its vote the node never received the decision to drop its last replica, and waited for ever for the
    // notification of its removal.
    [Fact]
    public void A_leaving_node_stays_a_voter_while_it_holds_replicas()
    {
        var state = Planned(out var leaving);
        Assert.Null(Group0VoterRules.Next(state, [leaving, .. state.Nodes.Select(static node => node.Id).Where(node => node != leaving).Take(2)], Nobody, _ => false));
    }

    [Fact]
    public void Changes_of_group_0_voters_end_and_always_leave_a_voter() =>
        Gen.Select(Gen.Int[1, 7], Gen.Int[0, 6], Gen.Int[0, 1 << 13], Gen.Int[0, 1 << 13]).Sample(
            (founders, more, leaving, away) =>
            {
                var world = new World(1, founders, shardCount: 1, replicationFactor: 1);
                var seats = world.State.Nodes.Select(static node => node.Id).ToHashSet();
                for (var i = 0; i < more; i++)
                {
                    var joined = world.Join();
                    world.Tick();
                    world.Commit(new TopologyChange(TopologyChangeKind.Add, joined));
                    Settle(world);
                }

                var nodes = world.State.Nodes.Select(static node => node.Id).ToArray();
                var state = world.State;
                var gone = nodes.Where((_, i) => (leaving & (1 << i)) != 0).ToArray();
                if (Planner.Make(state, [.. gone.Select(static node => new TopologyChange(TopologyChangeKind.Decommission, node))], ClusterFacts.None).Plan is { } plan)
                {
                    state = Apply(state, plan.ToCommand("", 0, takesStaged: false));
                }

                ImmutableHashSet<NodeId> silent = [.. nodes.Where((_, i) => (away & (1 << i)) != 0)];
                for (var steps = 0; Group0VoterRules.Next(state, seats, silent, _ => true) is { } change; steps++)
                {
                    Assert.True(change.Add ? seats.Add(change.Node) && !silent.Contains(change.Node) : seats.Remove(change.Node));
                    Assert.NotEmpty(seats);
                    Assert.True(steps < 30, "it does not come to rest");
                }
            },
            iter: 300);

    [Fact]
    public void Transfers_end_in_fair_shares_from_any_initial_leaders() =>
        Gen.Select(Gen.Int[1, 10_000], Gen.Int[3, 9], Gen.Int[1, 40]).Sample(
            (seed, nodes, count) =>
            {
                var random = new Random(seed);
                var names = Enumerable.Range(0, nodes).Select(static i => new NodeId($"n{i}")).ToArray();
                var weights = names.ToDictionary(static node => node, _ => 0.5 + random.NextDouble());
                var shards = Enumerable.Range(0, count).Select(shard =>
                {
                    var replicas = random.GetItems(names, 20).Distinct().Take(3).ToImmutableArray();
                    return new LedShard(new ShardId(shard), replicas[random.Next(replicas.Length)], random.Next(9) == 0 ? [.. replicas.Skip(1)] : replicas);
                }).ToArray();
                var steps = 0;
                while (LeaderBalance.Next(shards, weights, new HashSet<ShardId>(), 8) is { Count: > 0 } transfers)
                {
                    Assert.True(++steps < 20 * (count + 1), "it does not come to rest");
                    shards = shards.After(transfers);
                }

                foreach (var (node, fair) in LeaderBalance.FairShares(shards, weights))
                {
                    Assert.InRange(shards.Count(shard => shard.Leader == node), fair - 1 + 1e-6, fair + 1 - 1e-6);
                }

                Assert.All(shards, shard => Assert.True(shard.Candidates.IsEmpty || shard.Candidates.Contains(shard.Leader)));
            },
            iter: 500);

    private static void Settle(World world)
    {
        while (world.State.Operations.Operators.Length > 0)
        {
            world.Tick();
        }
    }

    private static PlacementState Planned(out NodeId leaving)
    {
        var world = new World(1, nodes: 6, shardCount: 16, replicationFactor: 3);
        leaving = world.State.Nodes[0].Id;
        return Apply(world.State, world.PlanFor(new TopologyChange(TopologyChangeKind.Decommission, leaving))!.ToCommand("test", 0, takesStaged: false));
    }

    private static PlacementState Apply(PlacementState state, PlacementCommand command)
    {
        var (next, outcome) = PlacementRules.Apply(state, command);
        Assert.False(outcome is PlacementRefused, $"{outcome}");
        return next;
    }
}
