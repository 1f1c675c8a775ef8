using KvRaft.Raft.Catchup;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Catchup;

public sealed class EntryLeasesTests
{
    private static readonly NodeId One = new("n1");
    private static readonly NodeId Two = new("n2");

    private readonly SetTime _time = new();

    [Fact]
    public void The_lowest_index_of_all_leases_is_needed_until_it_is_released()
    {
        var leases = new EntryLeases(_time);
        Assert.False(leases.AreHeld);
        leases.Hold(One, 30);
        leases.Hold(Two, 20);
        Assert.Equal(20, leases.NeededFrom);
        leases.Hold(Two, 40);
        Assert.Equal(30, leases.NeededFrom);
        leases.Release(One);
        Assert.Equal(40, leases.NeededFrom);
        leases.Release(Two);
        Assert.Null(leases.NeededFrom);
    }

    [Fact]
    public void A_lease_that_is_not_renewed_ends()
    {
        var leases = new EntryLeases(_time);
        leases.Hold(One, 30);
        _time.Now += EntryLeases.Duration;
        leases.Hold(Two, 50);
        Assert.Equal(30, leases.NeededFrom);
        _time.Now += EntryLease.Period;
        Assert.Equal(50, leases.NeededFrom);
    }

    private sealed class SetTime : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}
