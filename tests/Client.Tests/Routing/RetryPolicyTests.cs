using CsCheck;
using Grpc.Core;
using KvRaft.Client.Failures;
using KvRaft.Client.Routing;
using KvRaft.V1;

namespace KvRaft.Client.Tests.Routing;

public sealed class RetryPolicyTests
{
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(2);

    private static readonly Gen<FailureKind> Kinds = Gen.Int[0, Enum.GetValues<FailureKind>().Length - 1].Select(i => (FailureKind)i);

    [Fact]
    public void A_redirect_is_followed_at_once_twice_and_then_with_pauses()
    {
        var redirect = Failed(FailureKind.Redirect);

        Assert.Equal(TimeSpan.Zero, Decide(redirect, attempt: 1).Delay);
        Assert.Equal(TimeSpan.Zero, Decide(redirect, attempt: 2).Delay);
        Assert.True(Decide(redirect, attempt: 3).Delay >= RetryPolicy.DelayMin);
        Assert.True(Decide(redirect, attempt: 1).RefreshRoutes);
    }

    [Fact]
    public void A_permanent_failure_is_not_retried()
    {
        Assert.False(Decide(Failed(FailureKind.Permanent)).Retry);
    }

    [Fact]
    public void After_an_internal_fault_a_few_attempts_go_to_other_nodes()
    {
        var fault = Failed(FailureKind.Fault);

        Assert.True(Decide(fault, attempt: 1) is { Retry: true, AvoidNode: true });
        Assert.False(Decide(fault, attempt: RetryPolicy.FaultAttemptsMax).Retry);
    }

    [Fact]
    public void A_silent_node_is_left_at_once()
    {
        var silence = Failed(FailureKind.Unavailable) with { IsSilence = true };

        Assert.Equal(new RetryDecision(true, TimeSpan.Zero, AvoidNode: true, RefreshRoutes: true), Decide(silence));
    }

    [Fact]
    public void After_no_leader_the_next_attempt_goes_to_another_node()
    {
        Assert.True(Decide(Failed(FailureKind.Unavailable)) is { Retry: true, AvoidNode: true });
        Assert.True(Decide(Failed(FailureKind.Overloaded)) is { Retry: true, AvoidNode: false });
    }

    [Fact]
    public void The_pause_that_a_node_requests_is_the_minimum()
    {
        var wish = TimeSpan.FromMilliseconds(700);
        var overloaded = Failed(FailureKind.Overloaded) with { RetryAfter = wish };

        var delay = Decide(overloaded).Delay;

        Assert.InRange(delay, wish, wish * 1.2);
    }

    [Fact]
    public void An_empty_budget_slows_retries_down_but_does_not_forbid_them()
    {
        var decision = RetryPolicy.Decide(Input(Failed(FailureKind.Overloaded)), budgetAllows: false, new Random(1));

        Assert.True(decision.Retry);
        Assert.Equal(RetryPolicy.DelayMax, decision.Delay);
    }

    [Fact]
    public void Pauses_stay_within_bounds_and_within_three_times_the_last()
    {
        Gen.Select(Kinds, Gen.Int[1, 50], Gen.Int[0, 400], Gen.Int).Sample((kind, attempt, previousMs, seed) =>
        {
            var previous = TimeSpan.FromMilliseconds(previousMs);
            var input = new RetryInput(attempt, Failed(kind), previous, TimeSpan.Zero, TimeSpan.FromHours(1));

            var decision = RetryPolicy.Decide(input, budgetAllows: true, new Random(seed));

            Assert.True(
                !decision.Retry || decision.Delay == TimeSpan.Zero
                || (decision.Delay >= RetryPolicy.DelayMin
                    && decision.Delay <= RetryPolicy.DelayMax
                    && decision.Delay <= TimeSpan.FromTicks(Math.Max(previous.Ticks, RetryPolicy.DelayMin.Ticks) * 3)));
        });
    }

    [Fact]
    public void No_attempt_starts_without_time_for_an_answer()
    {
        Gen.Select(Kinds, Gen.Int[1, 50], Gen.Int[0, 3000], Gen.Int).Sample((kind, attempt, elapsedMs, seed) =>
        {
            var elapsed = TimeSpan.FromMilliseconds(elapsedMs);
            var input = new RetryInput(attempt, Failed(kind), TimeSpan.Zero, elapsed, Budget);

            var decision = RetryPolicy.Decide(input, budgetAllows: true, new Random(seed));

            Assert.True(!decision.Retry || elapsed + decision.Delay < Budget);
        });
    }

    [Fact]
    public void The_same_chance_gives_the_same_decision()
    {
        var input = Input(Failed(FailureKind.Unavailable), attempt: 4);

        Assert.Equal(
            RetryPolicy.Decide(input, budgetAllows: true, new Random(7)), RetryPolicy.Decide(input, budgetAllows: true, new Random(7)));
    }

    [Theory]
    [InlineData(StatusCode.FailedPrecondition, ErrorReasons.NotLeader, "Redirect")]
    [InlineData(StatusCode.Unavailable, ErrorReasons.NoLeader, "Unavailable")]
    [InlineData(StatusCode.DeadlineExceeded, ErrorReasons.Deadline, "Unavailable")]
    [InlineData(StatusCode.ResourceExhausted, ErrorReasons.Overloaded, "Overloaded")]
    [InlineData(StatusCode.ResourceExhausted, ErrorReasons.DiskFull, "Permanent")]
    [InlineData(StatusCode.InvalidArgument, ErrorReasons.LimitExceeded, "Permanent")]
    [InlineData(StatusCode.FailedPrecondition, ErrorReasons.RequestIdExpired, "Permanent")]
    [InlineData(StatusCode.DataLoss, ErrorReasons.CorruptReplica, "ReplicaUnfit")]
    [InlineData(StatusCode.Internal, ErrorReasons.Internal, "Fault")]
    [InlineData(StatusCode.Internal, null, "Unavailable")]
    [InlineData(StatusCode.Unavailable, "A_REASON_OF_TOMORROW", "Unavailable")]
    [InlineData(StatusCode.Unimplemented, null, "Permanent")]
    public void The_reason_decides_the_kind(StatusCode code, string? reason, string kind)
    {
        Assert.Equal(kind, FailureKinds.Of(code, reason).ToString());
    }

    [Fact]
    public void The_budget_is_spent_by_retries_and_earned_by_successes()
    {
        var budget = new RetryBudget();
        for (var i = 0; i < RetryBudget.Capacity; i++)
        {
            Assert.True(budget.TryTake());
        }

        Assert.False(budget.TryTake());
        for (var i = 0; i < 10; i++)
        {
            budget.Succeeded();
        }

        Assert.True(budget.TryTake());
        Assert.False(budget.TryTake());
    }

    [Fact]
    public void The_budget_never_holds_more_than_its_capacity()
    {
        var budget = new RetryBudget();

        budget.Succeeded();

        Assert.Equal(RetryBudget.Capacity, budget.Tokens);
    }

    private static RetryDecision Decide(Failure failure, int attempt = 1) =>
        RetryPolicy.Decide(Input(failure, attempt), budgetAllows: true, new Random(1));

    private static RetryInput Input(Failure failure, int attempt = 1) => new(attempt, failure, TimeSpan.Zero, TimeSpan.Zero, Budget);

    private static Failure Failed(FailureKind kind) => new(StatusCode.Unavailable, "X", "x", KvOutcome.NotApplied) { Kind = kind };
}
