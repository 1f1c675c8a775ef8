using KvRaft.Chaos.Checkers;
using KvRaft.Checkers.Tests.Support;

namespace KvRaft.Checkers.Tests.Registers;

/// <summary>The cost of a verdict, in steps: the same on every machine.</summary>
public class LinearizabilityCostTests
{
    [Theory]
    [InlineData(0, 100_000)]
    [InlineData(5, 1_000_000)]
    public void A_key_of_200_operations_by_10_clients_with_30_open_writes_is_routine(int values, long stepsMax)
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var plan = new RegisterPlan { Clients = 10, Operations = 200, OpenMax = 30, Values = values };
            var verdict = Linearizability.Check(SimulatedRegister.Run(plan, new Random(seed)).Build());
            Assert.Equal(Judgement.Valid, verdict.Judgement);
            Assert.InRange(verdict.Figures["steps"], 1, stepsMax);
        }
    }

    [Theory]
    [InlineData(RegisterFault.StaleRead)]
    [InlineData(RegisterFault.LostWrite)]
    [InlineData(RegisterFault.DoubleApply)]
    [InlineData(RegisterFault.WrongCompare)]
    [InlineData(RegisterFault.FailedWriteApplied)]
    public void A_broken_register_with_30_open_writes_is_convicted_within_the_budget(object fault)
    {
        var convicted = 0;
        for (var seed = 0; seed < 20; seed++)
        {
            var plan = new RegisterPlan { Clients = 5, Operations = 200, OpenMax = 30, Fault = (RegisterFault)fault, FaultRate = 0.3 };
            var verdict = Linearizability.Check(SimulatedRegister.Run(plan, new Random(seed)).Build());
            Assert.NotEqual(Judgement.Undecided, verdict.Judgement);
            convicted += verdict.IsValid ? 0 : 1;
            Assert.All(verdict.Findings, finding => Assert.InRange(finding.Operations.Count, 1, 60));
        }

        Assert.InRange(convicted, 10, 20);
    }

    [Fact]
    public void A_budget_that_is_too_small_is_undecided_and_no_pass()
    {
        var plan = new RegisterPlan { Clients = 10, Operations = 200, OpenMax = 30 };
        var verdict = Linearizability.Check(SimulatedRegister.Run(plan, new Random(1)).Build(), new LinearizabilityOptions { StepsPerKeyMax = 100 });
        Assert.Equal(Judgement.Undecided, verdict.Judgement);
        Assert.False(verdict.IsValid);
        Assert.Equal(3, verdict.ExitCode);
        Assert.Contains("100 steps", verdict.Reason);
    }

    /// <summary>
    /// Fifty clients that append to one text: the number of orders of concurrent operations is exponential, and so was the number of their states.
    /// Such a history took minutes and gigabytes, and was not decided.
    /// </summary>
    [Fact]
    public void A_text_to_which_fifty_clients_append_is_checked_within_the_budget()
    {
        for (var seed = 0; seed < 10; seed++)
        {
            var verdict = Linearizability.Check(SimulatedRegister.Run(FiftyAppend, new Random(seed)).Build());
            Assert.True(verdict.IsValid, verdict.ToText());
            Assert.InRange(verdict.Figures["steps"], 1, 1_000_000);
        }
    }

    [Theory]
    [InlineData(RegisterFault.StaleRead, 5)]
    [InlineData(RegisterFault.LostWrite, 5)]
    public void A_broken_text_to_which_fifty_clients_append_is_convicted_by_few_operations(object fault, int convictedMin)
    {
        var convicted = 0;
        for (var seed = 0; seed < 10; seed++)
        {
            var verdict = Linearizability.Check(SimulatedRegister.Run(FiftyAppend with { Fault = (RegisterFault)fault, FaultRate = 0.3 }, new Random(seed)).Build());
            Assert.NotEqual(Judgement.Undecided, verdict.Judgement);
            convicted += verdict.IsValid ? 0 : 1;
            Assert.InRange(verdict.Figures["shrink-steps"], 0, 20_000_000);
            Assert.All(verdict.Findings, static finding => Assert.InRange(finding.Operations.Count, 1, 100));
        }

        Assert.InRange(convicted, convictedMin, 10);
    }

    [Fact]
    public void A_key_that_needs_more_configurations_than_allowed_is_undecided_and_no_pass()
    {
        var verdict = Linearizability.Check(
            SimulatedRegister.Run(new RegisterPlan { Clients = 10, Operations = 200, OpenMax = 30, Values = 5 }, new Random(1)).Build(),
            new LinearizabilityOptions { ConfigurationsMax = 3 });
        Assert.Equal(Judgement.Undecided, verdict.Judgement);
        Assert.Contains("1 of 1 keys are undecided, first k: more than 3 configurations at once", verdict.Reason);
    }

    [Fact]
    public void Keys_that_are_left_when_the_time_is_over_are_undecided()
    {
        var history = new HistoryBuilder().Put(0, "a", "one").Ok(0).Put(0, "b", "two").Ok(0).Build();
        var asked = 0;
        var verdict = Linearizability.Check(history, new LinearizabilityOptions { IsOver = () => asked++ > 0 });
        Assert.Equal(Judgement.Undecided, verdict.Judgement);
        Assert.Contains("1 of 2 keys are undecided, first two: the time is over", verdict.Reason);
    }

    [Fact]
    public void A_violation_is_reported_even_without_time_to_shrink_it()
    {
        var history = new HistoryBuilder().Put(0, "a").Ok(0).Get(1).Saw(1, null).Build();
        var verdict = Linearizability.Check(history, new LinearizabilityOptions { IsShrinkingOver = static () => true });
        Assert.Equal(Judgement.Violation, verdict.Judgement);
        Assert.Equal("key k is not linearizable", Assert.Single(verdict.Findings).Message);
    }

    private static RegisterPlan FiftyAppend => new() { Clients = 50, Operations = 400, Appends = true, AppendWeight = 20, Compares = false };

    [Fact]
    public void The_cost_is_proportional_to_the_number_of_keys()
    {
        // A hundred thousand operations: each key is judged independently, so the total is the sum of the steps.
        var events = new List<HistoryEvent>();
        for (var key = 0; key < 500; key++)
        {
            var plan = new RegisterPlan { Clients = 10, Operations = 200, OpenMax = 5, Key = $"k{key}" };
            var first = events.Count;
            foreach (var next in SimulatedRegister.Run(plan, new Random(key)).Events)
            {
                events.Add(next with { Index = first + next.Index, Process = (key * 1_000) + next.Process, TimeNanoseconds = first + next.Index });
            }
        }

        var verdict = Linearizability.Check(Chaos.Checkers.History.FromEvents(events));
        Assert.Equal(Judgement.Valid, verdict.Judgement);
        Assert.Equal(500, verdict.Figures["keys"]);
        Assert.InRange(verdict.Figures["steps"], 1, 500 * 30_000);
    }
}
