using KvRaft.Chaos.Checkers;
using KvRaft.Checkers.Tests.Support;

namespace KvRaft.Checkers.Tests.Registers;

/// <summary>What a verdict costs, in steps: the same on every machine.</summary>
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

    [Fact]
    public void Five_hundred_keys_cost_what_five_hundred_keys_cost()
    {
        // A hundred thousand operations: keys are judged alone, so the sum of the steps is all there is.
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
