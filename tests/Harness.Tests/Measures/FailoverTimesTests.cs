using KvRaft.Chaos.Measures;

namespace KvRaft.Harness.Tests.Measures;

public class FailoverTimesTests
{
    [Fact]
    public void A_percentile_is_a_time_that_was_measured()
    {
        var times = new FailoverTimes([.. Enumerable.Range(1, 200).Reverse().Select(ms => TimeSpan.FromMilliseconds(ms))], 0);
        Assert.Equal(100, times.Percentile(0.5).TotalMilliseconds);
        Assert.Equal(198, times.Percentile(0.99).TotalMilliseconds);
        Assert.Equal(200, times.Percentile(1).TotalMilliseconds);
    }

    [Fact]
    public void Every_percentile_of_one_time_is_that_time() =>
        Assert.Equal(7, new FailoverTimes([TimeSpan.FromMilliseconds(7)], 0).Percentile(0.01).TotalMilliseconds);

    [Fact]
    public void Outages_are_reported_separately() =>
        Assert.Contains("1 outages", FailoverTimes.None.And(new FailoverTimes([], 1)).ToString(), StringComparison.Ordinal);
}
