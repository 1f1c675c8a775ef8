using CsCheck;
using KvRaft.Chaos.Checkers;
using KvRaft.Checkers.Tests.Support;

namespace KvRaft.Checkers.Tests.Registers;

/// <summary>Compares the fast checker with the definition. A failing case prints the CsCheck seed that repeats it.</summary>
public class LinearizabilityAgreementTests
{
    private static readonly Gen<RegisterPlan> Plans =
        from clients in Gen.Int[1, 4]
        from operations in Gen.Int[4, 9]
        from values in Gen.Int[0, 3]
        from appends in Gen.Int[0, 4]
        from open in Gen.Int[0, 3]
        from fault in Gen.Int[0, 5]
        from rate in Gen.Int[1, 4]
        select new RegisterPlan
        {
            Clients = clients,
            Operations = operations,
            Values = values,
            Appends = appends == 0,
            OpenMax = open,
            Fault = (RegisterFault)fault,
            FaultRate = rate / 4.0,
        };

    private static readonly Gen<int> Seeds = Gen.Int[0, 1_000_000_000];

    [Fact]
    public void Agrees_with_brute_force_on_small_histories_of_correct_and_broken_registers()
    {
        long convicted = 0;
        Gen.Select(Plans, Seeds).Sample(
            (plan, seed) =>
            {
                var history = SimulatedRegister.Run(plan, new Random(seed)).Build();
                var expected = BruteForce.IsLinearizable(history.Operations);
                var verdict = Linearizability.Check(history);
                Assert.Equal(expected ? Judgement.Valid : Judgement.Violation, verdict.Judgement);
                if (!expected)
                {
                    Interlocked.Increment(ref convicted);
                }
            },
            iter: 12_000);

        // The comparison is meaningful only if both verdicts are frequent; about 1,850 of these are bad, plus or minus 40.
        Assert.InRange(convicted, 1_000, 11_000);
    }

    /// <summary>Registers with mostly appends, with texts that identify their writers and with texts that do not.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Agrees_with_brute_force_on_appends(bool ambiguous)
    {
        long convicted = 0;
        Gen.Select(Plans, Gen.Int[1, 3], Seeds).Sample(
            (plan, weight, seed) =>
            {
                var appending = plan with { Appends = true, AppendWeight = weight * 10, Ambiguous = ambiguous, Compares = seed % 2 == 0 };
                var history = SimulatedRegister.Run(appending, new Random(seed)).Build();
                var expected = BruteForce.IsLinearizable(history.Operations);
                var verdict = Linearizability.Check(history);
                Assert.Equal(expected ? Judgement.Valid : Judgement.Violation, verdict.Judgement);
                foreach (var finding in verdict.Findings)
                {
                    Interlocked.Increment(ref convicted);
                    Assert.False(BruteForce.IsLinearizable(finding.Operations));
                }
            },
            iter: 6_000);
        Assert.InRange(convicted, 300, 5_500);
    }

    [Fact]
    public void Never_convicts_a_correct_register()
    {
        var plans = Gen.Select(Gen.Int[1, 8], Gen.Int[10, 120], Gen.Int[0, 4], Gen.Int[0, 12]);
        Gen.Select(plans, Seeds).Sample(
            (plan, seed) =>
            {
                var (clients, operations, values, open) = plan;
                var simulated = new RegisterPlan { Clients = clients, Operations = operations, Values = values, OpenMax = open };
                Assert.Equal(Judgement.Valid, Linearizability.Check(SimulatedRegister.Run(simulated, new Random(seed)).Build()).Judgement);
            },
            iter: 1_000);
    }

    [Fact]
    public void A_counter_example_is_itself_not_linearizable_and_loses_its_violation_with_any_observation()
    {
        Gen.Select(Plans, Seeds).Where(pair => pair.Item1.Fault != RegisterFault.None).Sample(
            (plan, seed) =>
            {
                var history = SimulatedRegister.Run(plan, new Random(seed)).Build();
                var verdict = Linearizability.Check(history);
                foreach (var finding in verdict.Findings)
                {
                    Assert.False(BruteForce.IsLinearizable(finding.Operations));
                    foreach (var observation in finding.Operations.Where(operation => operation.Function == Functions.Get))
                    {
                        Assert.True(BruteForce.IsLinearizable([.. finding.Operations.Where(operation => operation != observation)]));
                    }
                }
            },
            iter: 2_000);
    }
}
