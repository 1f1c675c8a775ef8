using CsCheck;
using KvRaft.Raft.Proposals;

namespace KvRaft.Raft.Tests.Proposals;

public sealed class WritePaceTests
{
    private const long Max = 512L << 20;
    private const long Retained = 2L << 30;

    private readonly WritePace _pace = new(Max, Retained, new StandingTime());

    [Fact]
    public void A_log_of_ordinary_size_slows_no_writer() => Assert.Null(_pace.BytesPerSecond(Max));

    [Fact]
    public void At_the_bound_writers_continue_at_the_slowest_pace() => Assert.Equal(WritePace.BytesPerSecondMin, _pace.BytesPerSecond(Retained));

    [Fact]
    public void Beyond_the_bound_writers_are_not_stopped() => Assert.Equal(WritePace.BytesPerSecondMin, _pace.BytesPerSecond(long.MaxValue / 4));

    [Fact]
    public void A_larger_log_never_makes_writers_faster() =>
        Gen.Select(Gen.Long[Max + 1, 2 * Retained], Gen.Long[Max + 1, 2 * Retained]).Sample((one, other) =>
        {
            Assert.InRange(_pace.BytesPerSecond(Math.Max(one, other))!.Value, WritePace.BytesPerSecondMin, _pace.BytesPerSecond(Math.Min(one, other))!.Value);
            Assert.True(_pace.BytesPerSecond(one) <= WritePace.BytesPerSecondMax);
        });

    [Fact]
    public void All_groups_of_a_node_share_the_pace()
    {
        Assert.Equal(TimeSpan.FromSeconds(1), _pace.After((int)WritePace.BytesPerSecondMin, Retained));
        Assert.Equal(TimeSpan.FromSeconds(3), _pace.After(2 * (int)WritePace.BytesPerSecondMin, Retained));
    }

    private sealed class StandingTime : TimeProvider
    {
        public override long GetTimestamp() => 0;
    }
}
