using CsCheck;
using KvRaft.Raft.Leadership;

namespace KvRaft.Raft.Tests.Leadership;

public sealed class QuiescenceCounterTests
{
    private static readonly Gen<(int Last, int Commit, bool MayBeQuiet)[]> Heartbeats =
        Gen.Select(Gen.Int[0, 2], Gen.Int[0, 2], Gen.Int[0, 9]).Select(each => (each.Item1, each.Item2, each.Item3 > 0)).Array[1, 40];

    [Fact]
    public void A_change_is_sent_at_its_heartbeat_and_the_next_ones_and_then_no_more() =>
        Heartbeats.Sample(heartbeats =>
        {
            var news = new QuiescenceCounter();
            var (before, sinceNews) = ((Last: -1, Commit: -1), QuiescenceCounter.Repeats);
            return heartbeats.All(heartbeat =>
            {
                sinceNews = !heartbeat.MayBeQuiet || (heartbeat.Last, heartbeat.Commit) != before ? 0 : sinceNews + 1;
                before = (heartbeat.Last, heartbeat.Commit);
                return news.OnHeartbeat(heartbeat.Last, heartbeat.Commit, heartbeat.MayBeQuiet) == sinceNews < QuiescenceCounter.Repeats;
            });
        });

    [Fact]
    public void A_replica_that_missed_a_change_can_have_it_repeated()
    {
        var news = new QuiescenceCounter();
        while (news.OnHeartbeat(7, 7, mayBeQuiet: true))
        {
        }

        news.Repeat();
        Assert.Equal(QuiescenceCounter.Repeats, Enumerable.Range(0, 3 * QuiescenceCounter.Repeats).Count(_ => news.OnHeartbeat(7, 7, mayBeQuiet: true)));
    }
}
