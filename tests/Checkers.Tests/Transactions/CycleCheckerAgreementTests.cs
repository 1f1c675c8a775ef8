using CsCheck;
using KvRaft.Chaos.Checkers;
using KvRaft.Checkers.Tests.Support;

namespace KvRaft.Checkers.Tests.Transactions;

/// <summary>Compares the cycle checker with the definition. A failing case prints the CsCheck seed that repeats it.</summary>
public class CycleCheckerAgreementTests
{
    private static readonly Gen<(ListPlan Plan, int Seed)> Cases =
        from clients in Gen.Int[1, 4]
        from transactions in Gen.Int[2, 6]
        from keys in Gen.Int[1, 3]
        from open in Gen.Int[0, 2]
        from fault in Gen.Int[0, 5]
        from seed in Gen.Int[0, 1_000_000_000]
        select (new ListPlan(clients, transactions, keys, open, (ListFault)fault), seed);

    [Fact]
    public void Agrees_with_brute_force_where_everything_was_read_in_the_end()
    {
        long convicted = 0;
        Cases.Sample(
            item =>
            {
                var history = SimulatedLists.Run(item.Plan, new Random(item.Seed)).Build();
                var expected = BruteForceSerializability.IsStrictlySerializable(history.Operations);
                var verdict = CycleChecker.Check(history);
                Assert.True(expected == verdict.IsValid, verdict.ToText());
                if (!expected)
                {
                    Interlocked.Increment(ref convicted);
                }
            },
            iter: 10_000);
        // The comparison is meaningful only if both verdicts are frequent; about 4,000 of these are bad.
        Assert.InRange(convicted, 2_000, 8_000);
    }

    [Fact]
    public void Never_convicts_a_correct_store_of_a_thousand_transactions()
    {
        for (var seed = 0; seed < 10; seed++)
        {
            var history = SimulatedLists.Run(new ListPlan(10, 1_000, 20, 30, ListFault.None), new Random(seed)).Build();
            var verdict = CycleChecker.Check(history);
            Assert.True(verdict.IsValid, verdict.ToText());
        }
    }

    [Theory]
    [InlineData(ListFault.NotAtomic)]
    [InlineData(ListFault.StaleRead)]
    [InlineData(ListFault.LostAppend)]
    [InlineData(ListFault.DoubleAppend)]
    [InlineData(ListFault.FailedApplied)]
    public void Convicts_every_broken_store_of_a_thousand_transactions(object fault)
    {
        var history = SimulatedLists.Run(new ListPlan(10, 1_000, 20, 30, (ListFault)fault), new Random(1)).Build();
        Assert.Equal(Judgement.Violation, CycleChecker.Check(history).Judgement);
    }

    [Fact]
    [Trait("Category", "Long")]
    public void A_component_of_twenty_thousand_transactions_is_decided()
    {
        // The worst case for the search: no transaction is atomic, so that all of them are in one component.
        var history = SimulatedLists.Run(new ListPlan(10, 20_000, 200, 0, ListFault.NotAtomic), new Random(1)).Build();
        Assert.Equal(Judgement.Violation, CycleChecker.Check(history).Judgement);
    }
}
