using CsCheck;
using KvRaft.Raft.Clocks;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Clocks;

/// <summary>Which nodes may lead by their clocks: never one that a majority contradicts, and always at least one.</summary>
public sealed class ClockVerdictTests
{
    private const double Hour = 3_600_000;

    /// <summary>Wall clocks that are correct, a little wrong, or wrong by up to hours; and nodes that do not answer.</summary>
    private static readonly Gen<(ClockReading[] Readings, int Known)> Clocks =
        Gen.Select(Gen.OneOf(Gen.Double[-400, 400], Gen.Double[-5_000, 5_000], Gen.Double[-3 * Hour, 3 * Hour]), Gen.Double[0, 100]).Array[1, 7]
            .Select(Gen.Int[0, 3], static (clocks, away) => (clocks.Select((clock, i) => Reading($"n{i + 1}", clock.Item1, clock.Item2)).ToArray(), clocks.Length + away));

    [Fact]
    public void At_least_one_node_that_answers_may_lead() =>
        Clocks.Sample(clocks => ClockVerdict.Of(clocks.Readings, clocks.Known) is var verdict
            && clocks.Readings.Any(reading => verdict.MayLead(reading.Node)) && verdict.MayLead(new NodeId("unheard")));

    [Fact]
    public void All_nodes_with_the_same_readings_reach_the_same_verdict() =>
        Clocks.Select(Gen.Double[-Hour, Hour]).Sample((clocks, shift) =>
        {
            // Another node reads the same clocks by its own monotonic clock, and in another order.
            var one = ClockVerdict.Of(clocks.Readings, clocks.Known);
            var other = ClockVerdict.Of([.. clocks.Readings.Reverse().Select(reading => reading with { Wall = reading.Wall + Math.Round(shift) })], clocks.Known);
            return one.IsAgreed == other.IsAgreed && clocks.Readings.All(reading => one.MayLead(reading.Node) == other.MayLead(reading.Node));
        });

    [Fact]
    public void While_a_majority_agrees_a_minority_moves_nothing() =>
        Gen.Select(Gen.Int[1, 3], Gen.Double[-400, 400].Array[7], Gen.Double[5_000, 100 * Hour].Array[3], Gen.Bool.Array[3]).Sample((wrong, small, far, ahead) =>
        {
            var known = (2 * wrong) + 1;
            var readings = Enumerable.Range(0, known).Select(i => Reading($"n{i}", i < wrong ? (ahead[i] ? far[i] : -far[i]) : small[i], 0)).ToArray();
            var verdict = ClockVerdict.Of(readings, known);

            Assert.True(verdict.IsAgreed);
            Assert.InRange(verdict.Reference, -400, 400);
            Assert.All(readings, (reading, i) => Assert.Equal(i >= wrong, verdict.MayLead(reading.Node)));
        });

    [Fact]
    public void Without_a_majority_the_node_at_the_median_leads()
    {
        var verdict = ClockVerdict.Of([Reading("n1", -Hour, 0), Reading("n2", 100, 0), Reading("n3", Hour, 0)], 3);

        Assert.False(verdict.IsAgreed);
        Assert.Equal([false, true, false], new[] { "n1", "n2", "n3" }.Select(node => verdict.MayLead(new NodeId(node))));
        Assert.Equal(TimeSpan.FromMilliseconds(Hour - 100), verdict.OffsetOf(new NodeId("n3")));
    }

    [Fact]
    public void Two_of_five_are_not_a_majority()
    {
        Assert.False(ClockVerdict.Of([Reading("n1", 0, 0), Reading("n2", 0, 0)], 5).IsAgreed);
        Assert.True(ClockVerdict.Of([Reading("n1", 0, 0), Reading("n2", 0, 0), Reading("n3", Hour, 0)], 3).IsAgreed);
    }

    [Fact]
    public void A_clock_that_is_only_read_badly_is_not_wrong()
    {
        var verdict = ClockVerdict.Of([Reading("n1", 0, 0), Reading("n2", 0, 0), Reading("n3", 1_400, 500)], 3);

        Assert.True(verdict.MayLead(new NodeId("n3")));
    }

    private static ClockReading Reading(string node, double wall, double error) => new(new NodeId(node), Math.Round(wall), null, error);
}
