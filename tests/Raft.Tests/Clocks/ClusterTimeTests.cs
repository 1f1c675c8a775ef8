using CsCheck;
using KvRaft.Raft.Clocks;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Clocks;

/// <summary>The cluster time advances by monotonic clocks; wall clocks adjust its rate by a hundredth, if a majority of them agrees, and never make it jump.</summary>
public sealed class ClusterTimeTests
{
    private const double Hour = 3_600_000;

    [Fact]
    public void A_settled_time_gains_or_loses_a_hundredth_at_most_whatever_wall_clocks_do() =>
        Gen.Select(Gen.Double[1, 10_000], Gen.Double[-3 * Hour, 3 * Hour].Array[1, 5], Gen.Int[0, 2]).List[1, 30].Sample(looks =>
        {
            var (time, now) = (new ClusterTime(0, IsSettled: true, 0), 0.0);
            foreach (var (passed, walls, away) in looks)
            {
                now += passed;
                var next = time.Adjusted(now, Verdict(walls.Length + away, walls), [], walls.Length + away);
                Assert.InRange(next.Ahead - time.Ahead, (-passed * ClockRules.SlewShare) - 1e-6, (passed * ClockRules.SlewShare) + 1e-6);
                time = next;
            }
        });

    [Fact]
    public void A_jump_that_a_majority_confirms_is_approached_and_reached()
    {
        var time = new ClusterTime(0, IsSettled: true, 0);
        var verdict = Verdict(3, Hour, Hour, 0);
        for (var now = 400.0; now <= 1_000; now += 400)
        {
            time = time.Adjusted(now, verdict, [], 3);
        }

        Assert.Equal(8, time.Ahead, 6);
        time = time.Adjusted(99 * Hour, verdict, [], 3);
        Assert.InRange(time.Ahead, 0.98 * Hour, 0.99 * Hour);
        Assert.Equal(Hour, time.Adjusted(102 * Hour, verdict, [], 3).Ahead, 6);
    }

    [Fact]
    public void Where_no_majority_agrees_it_runs_on_by_the_monotonic_clock()
    {
        var time = new ClusterTime(5, IsSettled: true, 0);

        Assert.Equal(5, time.Adjusted(Hour, Verdict(3, -Hour, 0, Hour), [], 3).Ahead);
        Assert.Equal(5, time.Adjusted(Hour, Verdict(3, Hour), [], 3).Ahead);
    }

    [Fact]
    public void A_node_that_starts_takes_over_the_time_that_runs_at_others_and_not_what_wall_clocks_show()
    {
        var time = new ClusterTime(Hour, IsSettled: false, 0).Adjusted(10, Verdict(3, Hour, Hour, Hour), [3, 4], 3);

        Assert.Equal((3, true), (time.Ahead, time.IsSettled));
    }

    [Fact]
    public void A_node_that_starts_alone_is_not_settled_and_one_with_a_wrong_clock_takes_the_majoritys()
    {
        var alone = new ClusterTime(45_000, IsSettled: false, 0).Adjusted(10, Verdict(3, 45_000), [], 3);
        Assert.Equal((45_000, false), (alone.Ahead, alone.IsSettled));

        // Two that differ are no majority of three; the third decides.
        var two = alone.Adjusted(20, Verdict(3, 45_000, 0), [], 3);
        Assert.False(two.IsSettled);
        var three = two.Adjusted(30, Verdict(3, 45_000, 0, 10), [], 3);
        Assert.Equal((10, true), (three.Ahead, three.IsSettled));
    }

    [Fact]
    public void A_node_that_was_cut_off_takes_over_the_time_that_runs_alike_at_a_majority()
    {
        var time = new ClusterTime(60_000, IsSettled: true, 0);

        Assert.Equal(7, time.Adjusted(10, Verdict(3, 60_000, 0, 0), [7, 8], 3).Ahead);

        // One other is no majority of three, and neither are two that differ.
        Assert.InRange(time.Adjusted(10, Verdict(3, 60_000, 60_000), [7], 3).Ahead, 59_999, 60_001);
        Assert.InRange(time.Adjusted(10, Verdict(3, 60_000, 60_000), [7, 5_000], 3).Ahead, 59_999, 60_001);
    }

    private static ClockVerdict Verdict(int known, params double[] walls) =>
        ClockVerdict.Of([.. walls.Select((wall, i) => new ClockReading(new NodeId($"n{i}"), wall, null, 0))], known);
}
