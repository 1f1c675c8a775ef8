using CsCheck;
using KvRaft.Raft.Clocks;
using KvRaft.Raft.Proposals;
using KvRaft.Storage;
using KvRaft.Topology;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvRaft.Raft.Tests.Clocks;

/// <summary>A shard's clock between entries: it never goes back, never stops, and never jumps while its leader leads.</summary>
public sealed class ShardTimeTests
{
    [Fact]
    public void While_a_leader_leads_its_stamps_keep_within_a_hundredth_of_the_time_that_passed() =>
        Gen.Select(Gen.Double[0, 10_000], Gen.Double[-1e7, 1e7]).List[1, 30].Sample(looks =>
        {
            var (time, now) = (new ShardTime(0, 0), 0.0);
            foreach (var (passed, target) in looks)
            {
                var before = time.Ahead + now;
                now += passed;
                time = time.Led(target, now);
                Assert.InRange(time.Ahead + now - before, (passed * (1 - ClockRules.SlewShare)) - 1e-6, (passed * (1 + ClockRules.SlewShare)) + 1e-6);
            }
        });

    [Fact]
    public void A_new_leader_begins_at_what_it_applied_and_what_passed_since_or_at_the_time_of_the_cluster_if_that_is_later() =>
        Gen.Select(Gen.Double[1e9, 2e9], Gen.Double[0, 1e6], Gen.Double[5e8, 3e9].Nullable()).Sample((clock, passed, cluster) =>
        {
            var applied = default(ShardTime).Applied(clock, 100);
            var begun = applied.Begun(cluster, 100 + passed);
            var shown = begun.Ahead + 100 + passed;
            Assert.True(shown >= clock + (passed * (1 - ClockRules.SlewShare)) - 1e-6);
            Assert.True(cluster is null || begun.Ahead >= cluster);
            Assert.True(begun.Ahead <= Math.Max(clock - 100, cluster ?? 0) + 1e-6);
        });

    [Fact]
    public void A_clock_that_is_an_hour_ahead_continues_to_run()
    {
        var time = new ShardTime(3_600_000, 0).Led(0, 10_000);

        Assert.Equal(3_600_000 - 100, time.Ahead, 6);
    }

    [Fact]
    public void The_time_of_a_follower_is_never_ahead_of_its_leader() =>
        Gen.Select(Gen.Double[0, 1e7], Gen.Double[0, 10_000].List[1, 10]).Sample((latency, pauses) =>
        {
            // The leader slows down as much as it may; the follower applied its stamp later.
            var (leader, now) = (new ShardTime(1e8, 0), 0.0);
            var follower = default(ShardTime).Applied(leader.Ahead + now, latency);
            now = latency;
            leader = leader.Led(0, now);
            foreach (var pause in pauses)
            {
                now += pause;
                leader = leader.Led(0, now);
                Assert.True(follower.ShownAt(now) <= leader.Ahead + now + 1e-6);
            }
        });

    [Fact]
    public void A_stamp_far_ahead_of_what_was_applied_is_declared_a_step()
    {
        var clock = new ClusterClock(new NodeId("n1"), TimeProvider.System, NullLogger.Instance);
        clock.Compare([], 1);
        var applied = clock.NowMs - (2 * CommittedEntry.UndeclaredStepMsMax);
        var runner = new ShardClockRunner(clock, () => applied);
        Assert.True(runner.NowMs(leadingTerm: null) < clock.NowMs - CommittedEntry.UndeclaredStepMsMax);

        var first = runner.Stamp(0);
        applied = first.StampMs;
        var second = runner.Stamp(0);

        Assert.True(first.IsStep);
        Assert.False(second.IsStep);
        Assert.InRange(second.StampMs, first.StampMs, clock.NowMs);
    }
}
