using KvRaft.Placement.Planning;

namespace KvRaft.Placement.Tests.Planning;

public class OperatorWatchTests
{
    [Fact]
    public void An_operator_without_a_change_for_a_minute_is_stalled()
    {
        var watch = OperatorWatch.Empty;
        for (var second = 0; second <= 60; second++)
        {
            watch = watch.Next(new Dictionary<long, string> { [1] = "waits", [2] = $"{second / 50}" }, At(second));
        }

        Assert.Equal([1], watch.Stalled(At(60)));
        Assert.Equal(At(60), watch.Still(1, At(60)));
        Assert.Equal(At(10), watch.Still(2, At(60)));
        Assert.Equal([1, 2], watch.Stalled(At(110)));
    }

    [Fact]
    public void An_operator_that_ended_starts_a_new_watch_if_it_returns()
    {
        var watch = OperatorWatch.Empty.Next(new Dictionary<long, string> { [1] = "a" }, At(0)).Next(new Dictionary<long, string>(), At(50));
        Assert.Equal(TimeSpan.Zero, watch.Still(1, At(50)));
        watch = watch.Next(new Dictionary<long, string> { [1] = "a" }, At(60));
        Assert.Equal(At(5), watch.Still(1, At(65)));
        Assert.Empty(watch.Stalled(At(65)));
    }

    private static TimeSpan At(int seconds) => TimeSpan.FromSeconds(seconds);
}
