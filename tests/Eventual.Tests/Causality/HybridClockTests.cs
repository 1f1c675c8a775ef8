using CsCheck;
using KvRaft.Eventual.Causality;

namespace KvRaft.Eventual.Tests.Causality;

public class HybridClockTests
{
    private static readonly long Drift = (long)HybridClock.DriftMax.TotalMilliseconds;

    [Fact]
    public void Stamps_increase_for_any_wall_clock() => Gen.Long[0, 1000].Array[1, 50].Sample(static clocks =>
    {
        var clock = default(HybridClock);
        foreach (var now in clocks)
        {
            var next = clock.Tick(now);
            Assert.True(next.Last.CompareTo(clock.Last) > 0);
            Assert.True(next.Last.Milliseconds >= now);
            clock = next;
        }
    });

    [Fact]
    public void A_stamp_is_later_than_all_received_stamps()
    {
        var clock = new HybridClock(HybridStamp.AtStartOf(1000)).Hear(HybridStamp.AtStartOf(5000), nowMs: 1000);

        Assert.True(clock.Tick(1001).Last.CompareTo(HybridStamp.AtStartOf(5000)) > 0);
    }

    [Fact]
    public void A_stamp_too_far_ahead_does_not_drag_the_clock_along()
    {
        var clock = new HybridClock(HybridStamp.AtStartOf(1000));

        Assert.Equal(clock, clock.Hear(HybridStamp.AtStartOf(1000 + Drift + 1), nowMs: 1000));
        Assert.NotEqual(clock, clock.Hear(HybridStamp.AtStartOf(1000 + Drift), nowMs: 1000));
    }
}
