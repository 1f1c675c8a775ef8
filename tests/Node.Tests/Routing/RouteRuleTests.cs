using System.Collections.Immutable;
using KvRaft.Node.Requests;
using KvRaft.Node.Routing;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Routing;

public sealed class RouteRuleTests
{
    private static readonly NodeId Self = new("n1");
    private static readonly NodeId Other = new("n2");
    private static readonly NodeId Third = new("n3");
    private static readonly ImmutableArray<Replica> Everywhere = [new(Self, 1), new(Other, 1), new(Third, 1)];

    [Fact]
    public void Runs_here_when_the_leader_is_here_even_if_forwarding_is_refused()
    {
        var sight = new ShardSight(Self, LeadsHere: true, HasReplicaHere: true, Self, Everywhere);

        Assert.Equal(RouteStep.RunHere, Step(sight));
        Assert.Equal(RouteStep.RunHere, Step(sight, noForward: true));
    }

    [Fact]
    public void Forwards_to_the_leader_or_returns_its_address()
    {
        var sight = new ShardSight(Self, LeadsHere: false, HasReplicaHere: true, Other, Everywhere);

        Assert.Equal((RouteStep.Forward, Other), RouteRule.Next(sight, noForward: false, refusals: 0, forwards: 0));
        Assert.Equal(RouteStep.RefuseWithHint, Step(sight, noForward: true));
    }

    [Fact]
    public void Waits_without_a_leader_and_while_this_node_begins_to_lead()
    {
        Assert.Equal(RouteStep.Wait, Step(new ShardSight(Self, false, HasReplicaHere: true, null, Everywhere)));
        Assert.Equal(RouteStep.Wait, Step(new ShardSight(Self, false, HasReplicaHere: true, Self, Everywhere)));
    }

    [Fact]
    public void Waits_after_two_refusals_instead_of_chasing_hints()
    {
        var sight = new ShardSight(Self, false, true, Other, Everywhere);

        Assert.Equal(RouteStep.Forward, Step(sight, refusals: 1));
        Assert.Equal(RouteStep.Wait, Step(sight, refusals: 2));
    }

    [Fact]
    public void Without_a_replica_here_the_nodes_that_have_one_are_asked_in_turn()
    {
        var sight = new ShardSight(Self, false, HasReplicaHere: false, null, [new(Other, 1), new(Third, 1)]);

        Assert.Equal(
            [Other, Third, Other],
            Enumerable.Range(0, 3).Select(forwards => RouteRule.Next(sight, false, refusals: 0, forwards).Node));
    }

    [Theory]
    [InlineData(Execution.NotExecuted, true, true)]
    [InlineData(Execution.NotExecuted, false, true)]
    [InlineData(Execution.Unknown, true, false)]
    [InlineData(Execution.Unknown, false, true)]
    public void Only_reads_are_repeated_when_the_outcome_is_unknown(Execution execution, bool isWrite, bool mayRetry) =>
        Assert.Equal(mayRetry, RetryRule.MayRetry(Failure.QuorumLost(new ShardId(0), execution, TimeSpan.Zero), isWrite));

    [Fact]
    public void A_permanent_refusal_is_not_repeated()
    {
        Failure[] final =
        [
            Failure.Invalid("key", "x"), Failure.Deadline(Execution.NotExecuted), Failure.Overloaded("x", TimeSpan.Zero),
            Failure.DiskFull(1, 2), Failure.KeyspaceNotFound("x"), Failure.Internal(Execution.NotExecuted),
        ];

        Assert.All(final, failure => Assert.False(RetryRule.MayRetry(failure, isWrite: false)));
    }

    [Fact]
    public void Delays_double_up_to_a_quarter_of_a_second() => Assert.Equal(
        [10, 20, 40, 80, 160, 250, 250],
        Enumerable.Range(0, 7).Select(waits => RetryRule.Delay(waits).TotalMilliseconds));

    private static RouteStep Step(ShardSight sight, bool noForward = false, int refusals = 0) =>
        RouteRule.Next(sight, noForward, refusals, forwards: 0).Step;
}
