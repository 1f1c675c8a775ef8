using CsCheck;
using KvRaft.Node.Telemetry;
using Microsoft.Extensions.Time.Testing;

namespace KvRaft.Node.Tests.Telemetry;

public sealed class LatencyWindowTests
{
    [Fact]
    public void Percentiles_are_at_most_a_quarter_above_the_true_ones() =>
        Gen.Int[1, 100_000_000].List[1, 200].Sample(micros =>
        {
            var time = new FakeTimeProvider();
            var window = new LatencyWindow(time);
            foreach (var each in micros)
            {
                window.Record(time.GetTimestamp() - (each * time.TimestampFrequency / 1_000_000));
            }

            var sorted = micros.Order().ToArray();
            var summary = window.Summary();
            Assert.Equal(micros.Count, summary.Count);
            AssertNear(sorted[(int)Math.Ceiling(sorted.Length * 0.5) - 1], summary.P50);
            AssertNear(sorted[(int)Math.Ceiling(sorted.Length * 0.99) - 1], summary.P99);
        });

    [Fact]
    public void Old_measurements_are_discarded()
    {
        var time = new FakeTimeProvider();
        var window = new LatencyWindow(time);
        window.Record(time.GetTimestamp() - (9 * time.TimestampFrequency));
        time.Advance(TimeSpan.FromSeconds(3));
        window.Record(time.GetTimestamp());
        Assert.Equal(2, window.Summary().Count);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(1, window.Summary().Count);
        time.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal(new LatencySummary(0, TimeSpan.Zero, TimeSpan.Zero), window.Summary());
        window.Record(time.GetTimestamp());
        Assert.Equal(1, window.Summary().Count);
    }

    private static void AssertNear(long micros, TimeSpan measured) => Assert.InRange(measured.TotalMicroseconds, micros, (micros * 1.25) + 1);
}
