using KvRaft.Chaos.Checkers;
using KvRaft.Checkers.Tests.Support;

namespace KvRaft.Checkers.Tests.Aggregates;

public class BankCheckerTests
{
    [Fact]
    public void A_transfer_is_visible_completely_or_not_at_all()
    {
        Assert.Empty(Check(Transfer(Bank(), 0, 10).Invoke(1, Functions.Read).Ok(1, Balances(100, 0)).Ok(0)));
        Assert.Empty(Check(Transfer(Bank(), 0, 10).Invoke(1, Functions.Read).Ok(1, Balances(90, 10)).Ok(0)));
        Assert.Equal(["wrong-balance", "wrong-total"], Check(Transfer(Bank(), 0, 10).Invoke(1, Functions.Read).Ok(1, Balances(100, 10)).Invoke(1, Functions.Read).Ok(1, Balances(100, 11)).Ok(0)));
    }

    [Fact]
    public void An_acknowledged_transfer_must_show() =>
        Assert.Equal(["wrong-balance"], Check(Transfer(Bank(), 0, 10).Ok(0).Invoke(1, Functions.Read).Ok(1, Balances(100, 0))));

    [Fact]
    public void A_transfer_applied_twice_shows_although_the_total_holds() =>
        Assert.Equal(["wrong-balance"], Check(Transfer(Bank(), 0, 10).Info(0).Invoke(1, Functions.Read).Ok(1, Balances(80, 20))));

    [Fact]
    public void Without_initial_balances_the_first_read_sets_the_total()
    {
        var history = new HistoryBuilder().Invoke(1, Functions.Read).Ok(1, Balances(70, 30)).Invoke(1, Functions.Read).Ok(1, Balances(70, 31));
        Assert.Equal(["wrong-total"], Check(history));
    }

    [Fact]
    public void Negative_balances_are_a_fault_unless_allowed()
    {
        var history = Transfer(Bank(), 0, 110).Ok(0).Invoke(1, Functions.Read).Ok(1, Balances(-10, 110));
        Assert.Equal(["negative-balance"], Check(history));
        history.WithParameters(("balance:a", 100), ("balance:b", 0), ("negative-allowed", 1));
        Assert.Empty(Check(history));
    }

    [Theory]
    [InlineData("""{"from":"a","to":"b"}""")]
    [InlineData("""{"from":"a","to":"b","amount":"10"}""")]
    [InlineData("[]")]
    public void Refuses_an_invalid_transfer(string value) =>
        Assert.Throws<HistoryFormatException>(() => Check(Bank().Invoke(0, Functions.Transfer, HistoryValue.Json(value)).Ok(0)));

    private static HistoryBuilder Bank() => new HistoryBuilder().WithParameters(("balance:a", 100), ("balance:b", 0));

    private static HistoryBuilder Transfer(HistoryBuilder history, int process, long amount) =>
        history.Invoke(process, Functions.Transfer, HistoryValue.Json($$"""{"from":"a","to":"b","amount":{{amount}}}"""));

    private static HistoryValue Balances(long a, long b) => HistoryValue.Json($$"""{"b":{{b}},"a":{{a}}}""");

    private static string[] Check(HistoryBuilder history) => BankChecker.Check(history.Build()).Anomalies();
}
