using CsCheck;
using KvRaft.Chaos.Links;
using KvRaft.Chaos.Machine;

namespace KvRaft.Harness.Tests.Links;

public class LinkScheduleTests
{
    private static readonly Gen<LinkQuality> Qualities =
        Gen.Select(Gen.Int[0, 300], Gen.Int[0, 150], Gen.Double[0, 1], static (delay, jitter, loss) => new LinkQuality(Ms(delay), Ms(jitter), loss));

    /// <summary>Pauses between packets in milliseconds, and the direction each takes.</summary>
    private static readonly Gen<(int Pause, Link Link)[]> Traffic = Gen.Select(Gen.Int[0, 40], Gen.Int[0, 1], static (pause, from) => (pause, new Link(from, 1 - from))).Array[1, 100];

    [Fact]
    public void A_packet_is_late_by_the_delay_plus_at_most_the_jitter_unless_it_waits_for_an_earlier_packet() => Gen.Select(Qualities, Traffic, Gen.Int).Sample((quality, traffic, seed) =>
    {
        var arrivals = Play(quality, traffic, seed);
        Assert.All(arrivals, packet =>
        {
            Assert.True(packet.Arrived >= packet.Sent + quality.Delay);
            Assert.True(packet.Arrived <= packet.Sent + quality.Delay + quality.Jitter || arrivals.Any(other => other.Link == packet.Link && other.Sent <= packet.Sent && other.Arrived == packet.Arrived));
        });
    });

    [Fact]
    public void Packets_of_one_direction_keep_their_order() => Gen.Select(Qualities, Traffic, Gen.Int).Sample((quality, traffic, seed) =>
    {
        foreach (var direction in Play(quality, traffic, seed).GroupBy(packet => packet.Link))
        {
            Assert.Equal(direction.OrderBy(packet => packet.Number).Select(packet => packet.Number), direction.Select(packet => packet.Number));
        }
    });

    [Fact]
    public void All_is_lost_at_one_and_nothing_at_zero() => Gen.Select(Traffic, Gen.Int).Sample((traffic, seed) =>
    {
        Assert.Empty(Play(new LinkQuality(Ms(10), Ms(10), 1), traffic, seed));
        Assert.Equal(traffic.Length, Play(new LinkQuality(Ms(10), Ms(10), 0), traffic, seed).Count);
    });

    [Fact]
    public void The_share_of_lost_packets_is_about_the_requested_one()
    {
        var traffic = Enumerable.Repeat((1, new Link(0, 1)), 10_000).ToArray();

        // Four standard deviations of a binomial of 10,000 at 0.3 are 183.
        Assert.InRange(Play(new LinkQuality(Ms(1), Ms(0), 0.3), traffic, seed: 1).Count, 7000 - 183, 7000 + 183);
    }

    [Fact]
    public void A_repaired_link_is_fast_for_later_packets()
    {
        var schedule = new LinkSchedule(new Random(1));
        schedule.Set(new Link(0, 1), new LinkQuality(Ms(100), Ms(0), 0));
        schedule.Clear(new Link(0, 1));
        schedule.Enter(Ms(5), new Link(0, 1), [1]);
        Assert.True(schedule.TryLeave(Ms(5), out _, out _));
    }

    private static List<(int Number, Link Link, TimeSpan Sent, TimeSpan Arrived)> Play(LinkQuality quality, (int Pause, Link Link)[] traffic, int seed)
    {
        var schedule = new LinkSchedule(new Random(seed));
        schedule.Set(new Link(0, 1), quality);
        schedule.Set(new Link(1, 0), quality);
        var (now, sent, arrived) = (TimeSpan.Zero, new List<TimeSpan>(), new List<(int, Link, TimeSpan, TimeSpan)>());
        foreach (var (pause, link) in traffic)
        {
            now += Ms(pause);
            schedule.Enter(now, link, BitConverter.GetBytes(sent.Count));
            sent.Add(now);
        }

        // The deliverer checks when the next packet is due, and never earlier or later.
        while (schedule.NextDue is { } due)
        {
            Assert.False(schedule.TryLeave(due - TimeSpan.FromTicks(1), out _, out _));
            Assert.True(schedule.TryLeave(due, out var link, out var packet));
            var number = BitConverter.ToInt32(packet);
            arrived.Add((number, link, sent[number], due));
        }

        return arrived;
    }

    private static TimeSpan Ms(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds);
}
