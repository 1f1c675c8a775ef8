using CsCheck;
using KvRaft.Node.Telemetry;
using Microsoft.Extensions.Time.Testing;

namespace KvRaft.Node.Tests.Telemetry;

public sealed class RateWindowTests
{
    /// <summary>Compared with the plain definition: the events recorded in the ten complete seconds before the present one.</summary>
    [Fact]
    public void The_last_ten_whole_seconds_count_and_nothing_else() =>
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, 20]).List[1, 60].Sample(steps =>
        {
            var time = new FakeTimeProvider();
            var window = new RateWindow(time);
            var recorded = new List<long>();
            foreach (var (seconds, count) in steps)
            {
                time.Advance(TimeSpan.FromSeconds(seconds));
                var now = time.GetTimestamp() / time.TimestampFrequency;
                for (var i = 0; i < count; i++)
                {
                    window.Record();
                    recorded.Add(now);
                }

                Assert.Equal(recorded.Count(second => second < now && second >= now - RateWindow.Seconds) / (double)RateWindow.Seconds, window.PerSecond);
            }
        });

    [Fact]
    public void All_records_of_many_threads_within_a_second_are_counted()
    {
        var time = new FakeTimeProvider();
        var window = new RateWindow(time);
        window.Record();
        Parallel.For(0, 9_999, _ => window.Record());
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(1_000, window.PerSecond);
    }
}
