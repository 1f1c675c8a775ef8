using CsCheck;
using KvRaft.Placement.Planning;
using KvRaft.Placement.State;

namespace KvRaft.Placement.Tests.Planning;

public class CopyPaceTests
{
    private static readonly Gen<PlacementSettings> Settings = Gen.Select(Gen.Int[1, 1000], Gen.Int[1, 500])
        .Select((megabytes, ms) => new PlacementSettings { CopyMegabytes = megabytes, ForegroundP99Ms = ms });

    [Fact]
    public void It_stays_within_its_budget_and_never_stops() =>
        Gen.Select(Settings, Gen.Int[-1, 1000].List[0, 50]).Sample((settings, worst) =>
        {
            var pace = CopyPace.First(settings);
            foreach (var each in worst)
            {
                pace = CopyPace.Next(pace, settings, each >= 0 ? TimeSpan.FromMilliseconds(each) : null);
                Assert.InRange(pace, settings.CopyBytesPerSecond / 16, settings.CopyBytesPerSecond);
            }
        });

    [Fact]
    public void The_rate_falls_within_four_rounds_and_recovers_within_sixteen() =>
        Settings.Sample(settings =>
        {
            var (bad, well) = (TimeSpan.FromMilliseconds(settings.ForegroundP99Ms + 1), TimeSpan.FromMilliseconds(settings.ForegroundP99Ms * 0.8));
            var pace = CopyPace.First(settings);
            for (var round = 0; round < 4; round++)
            {
                pace = CopyPace.Next(pace, settings, bad);
            }

            Assert.Equal(settings.CopyBytesPerSecond / 16, pace);
            for (var round = 0; round < 16; round++)
            {
                pace = CopyPace.Next(pace, settings, well);
            }

            Assert.Equal(settings.CopyBytesPerSecond, pace);
        });

    [Fact]
    public void A_disk_of_limited_bandwidth_is_used_up_to_its_limit()
    {
        // Writes are slow as soon as copies use more than 40 MB/s.
        var settings = new PlacementSettings { CopyMegabytes = 128, ForegroundP99Ms = 50 };
        var pace = CopyPace.First(settings);
        var paces = new List<long>();
        for (var round = 0; round < 200; round++)
        {
            paces.Add(pace >> 20);
            pace = CopyPace.Next(pace, settings, TimeSpan.FromMilliseconds(pace > 40 << 20 ? 80 : 20));
        }

        Assert.InRange(paces.Skip(20).Average(), 24, 40);
        Assert.True(paces.Skip(20).Max() <= 48);
    }

    [Fact]
    public void Without_a_latency_limit_the_rate_never_falls() =>
        Assert.Equal(1 << 20, CopyPace.Next(1 << 20, new PlacementSettings { CopyMegabytes = 1, ForegroundP99Ms = 0 }, TimeSpan.FromMinutes(1)));

    [Fact]
    public void A_smaller_budget_takes_effect_at_once() =>
        Assert.Equal(8 << 20, CopyPace.Next(128 << 20, new PlacementSettings { CopyMegabytes = 8 }, null));

    [Fact]
    public void It_gives_the_reason_why_it_is_slow()
    {
        var settings = new PlacementSettings();
        Assert.Null(CopyPace.WhySlow(settings.CopyBytesPerSecond, settings, TimeSpan.FromMilliseconds(70)));
        Assert.Equal(
            "copied at 64 of 128 MB/s: writes take 71 ms (p99), 50 are allowed",
            CopyPace.WhySlow(64 << 20, settings, TimeSpan.FromMilliseconds(70.6)));
    }
}
