using CsCheck;
using Microsoft.Extensions.Time.Testing;

namespace KvRaft.Raft.Tests.Peers;

public sealed class HeartbeatDetectorTests
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    [Fact]
    public void A_node_that_answers_in_time_is_never_suspected() =>
        Gen.Double[0.5, 2.5].List[1, 300].Sample(gaps =>
        {
            var time = new FakeTimeProvider();
            var detector = new HeartbeatDetector(Period, Pause, time);
            foreach (var gap in gaps)
            {
                time.Advance(TimeSpan.FromSeconds(gap));
                Assert.InRange(detector.Suspicion, 0, HeartbeatDetector.SuspicionMax);
                detector.Heard();
            }
        });

    [Fact]
    public void Suspicion_grows_with_the_silence_and_every_silence_is_suspected_in_the_end() =>
        Gen.Select(Gen.Double[0.5, 2.5].List[1, 100], Gen.Double[0.1, 1]).Sample((gaps, step) =>
        {
            var time = new FakeTimeProvider();
            var detector = new HeartbeatDetector(Period, Pause, time);
            foreach (var gap in gaps)
            {
                time.Advance(TimeSpan.FromSeconds(gap));
                detector.Heard();
            }

            var before = 0.0;
            for (var silent = 0.0; silent < 30; silent += step)
            {
                time.Advance(TimeSpan.FromSeconds(step));
                Assert.True(detector.Suspicion >= before);
                before = detector.Suspicion;
            }

            Assert.True(before > HeartbeatDetector.SuspicionMax, $"{before} after 30 s");
        });

    [Fact]
    public void A_node_that_always_answered_at_once_is_suspected_sooner_than_one_that_came_late_now_and_then()
    {
        Assert.True(SuspectedAfter([1]) < SuspectedAfter([1, 1, 3]));

        static double SuspectedAfter(double[] gaps)
        {
            var time = new FakeTimeProvider();
            var detector = new HeartbeatDetector(Period, Pause, time);
            for (var turn = 0; turn < 90; turn++)
            {
                time.Advance(TimeSpan.FromSeconds(gaps[turn % gaps.Length]));
                detector.Heard();
            }

            var silent = 0;
            while (detector.Suspicion < HeartbeatDetector.SuspicionMax)
            {
                time.Advance(TimeSpan.FromMilliseconds(100));
                silent++;
            }

            return silent / 10.0;
        }
    }

    /// <summary>A node that needed five seconds to start counted as down permanently: the library's detector ignores nodes that it has declared dead.</summary>
    [Fact]
    public void A_node_that_answers_again_is_not_suspected() =>
        Gen.Select(Gen.Double[0.5, 2.5].List[0, 50], Gen.Double[3, 100]).Sample((gaps, silence) =>
        {
            var time = new FakeTimeProvider();
            var detector = new HeartbeatDetector(Period, Pause, time);
            foreach (var gap in gaps)
            {
                time.Advance(TimeSpan.FromSeconds(gap));
                detector.Heard();
            }

            time.Advance(TimeSpan.FromSeconds(silence));
            for (var beat = 0; beat < 5; beat++)
            {
                detector.Heard();
                Assert.InRange(detector.Suspicion, 0, 1);
                time.Advance(Period);
                Assert.InRange(detector.Suspicion, 0, HeartbeatDetector.SuspicionMax);
            }
        });

    [Fact]
    public void A_node_that_never_answered_is_suspected_too()
    {
        var time = new FakeTimeProvider();
        var detector = new HeartbeatDetector(Period, Pause, time);
        Assert.InRange(detector.Suspicion, 0, 1);
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.True(detector.Suspicion > HeartbeatDetector.SuspicionMax);
    }
}
