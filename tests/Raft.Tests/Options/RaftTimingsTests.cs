using KvRaft.Raft.Options;

namespace KvRaft.Raft.Tests.Options;

public sealed class RaftTimingsTests
{
    [Fact]
    public void The_defaults_can_work() => Assert.Empty(new RaftTimings().Validate());

    [Fact]
    public void Every_fault_is_named_at_once()
    {
        var timings = new RaftTimings
        {
            ElectionMin = TimeSpan.FromMilliseconds(500),
            ElectionMax = TimeSpan.FromMilliseconds(400),
            HeartbeatShare = 1,
            RequestTimeout = TimeSpan.FromMilliseconds(500),
            ConnectTimeout = TimeSpan.FromSeconds(2),
        };

        var faults = timings.Validate();

        Assert.Equal(4, faults.Count);
        Assert.All(["electionMax", "heartbeatShare", "requestTimeout", "connectTimeout"], name => Assert.Contains(faults, fault => fault.StartsWith(name, StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(0.0009, false)]
    [InlineData(0.001, true)]
    public void A_heartbeat_interval_is_a_millisecond_or_more(double share, bool isAllowed) =>
        Assert.Equal(isAllowed, new RaftTimings { HeartbeatShare = share }.Validate().Count == 0);

    [Fact]
    public void A_request_that_outlasts_an_election_is_refused() =>
        Assert.NotEmpty(new RaftTimings { RequestTimeout = new RaftTimings().ElectionMin }.Validate());
}
