using KvRaft.Benchmarks.Failover;

namespace KvRaft.Benchmarks.Tests;

public class WriteGapTests
{
    [Fact]
    public void The_gap_that_is_open_when_counting_begins_is_measured_whole()
    {
        var gap = new WriteGap();
        gap.Acknowledged();
        gap.Begin();
        Assert.Equal((TimeSpan.Zero, 0), (gap.Longest, gap.Count));
        gap.Acknowledged();
        var first = gap.Longest;
        Assert.True(first > TimeSpan.Zero);
        gap.Acknowledged();
        Assert.True(gap.Longest >= first);
        Assert.Equal(2, gap.Count);
    }
}
