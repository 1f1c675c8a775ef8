using KvRaft.Raft.Catchup;
using Microsoft.Extensions.Time.Testing;

namespace KvRaft.Raft.Tests.Catchup;

public sealed class CopyBudgetTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void All_copies_together_stay_within_the_budget()
    {
        var budget = new CopyBudget(_time, 1000);
        for (var piece = 1; piece <= 20; piece++)
        {
            Assert.Equal(TimeSpan.FromMilliseconds(500 * piece), budget.Take(500));
        }

        _time.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal(TimeSpan.FromSeconds(7), budget.Take(1000));
        Assert.Equal(11_000, budget.Taken);
    }

    [Fact]
    public void A_change_takes_effect_with_the_next_piece_and_idle_time_is_not_accumulated()
    {
        var budget = new CopyBudget(_time, 1000);
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(TimeSpan.FromSeconds(1), budget.Take(1000));
        _time.Advance(TimeSpan.FromSeconds(1));
        budget.BytesPerSecond = 250;
        Assert.Equal(TimeSpan.FromSeconds(4), budget.Take(1000));
        _time.Advance(TimeSpan.FromSeconds(4));
        budget.BytesPerSecond = 4000;
        Assert.Equal(TimeSpan.FromMilliseconds(250), budget.Take(1000));
    }

    [Fact]
    public async Task A_taker_waits_until_its_bytes_are_earned()
    {
        var budget = new CopyBudget(_time, 1000);
        var waits = budget.TakeAsync(2000, TestContext.Current.CancellationToken).AsTask();
        Assert.False(waits.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(2));
        await waits;
    }
}
