using CsCheck;
using KvRaft.Raft.Leadership;

namespace KvRaft.Raft.Tests.Leadership;

public sealed class NewsCountTests
{
    private static readonly Gen<(int Last, int Commit, bool MayBeQuiet)[]> Beats =
        Gen.Select(Gen.Int[0, 2], Gen.Int[0, 2], Gen.Int[0, 9]).Select(each => (each.Item1, each.Item2, each.Item3 > 0)).Array[1, 40];

    [Fact]
    public void A_change_is_sent_at_its_heartbeat_and_the_next_ones_and_then_no_more() =>
        Beats.Sample(beats =>
        {
            var news = new NewsCount();
            var (before, sinceNews) = ((Last: -1, Commit: -1), NewsCount.Repeats);
            return beats.All(beat =>
            {
                sinceNews = !beat.MayBeQuiet || (beat.Last, beat.Commit) != before ? 0 : sinceNews + 1;
                before = (beat.Last, beat.Commit);
                return news.Beat(beat.Last, beat.Commit, beat.MayBeQuiet) == sinceNews < NewsCount.Repeats;
            });
        });

    [Fact]
    public void A_replica_that_missed_a_change_can_have_it_repeated()
    {
        var news = new NewsCount();
        while (news.Beat(7, 7, mayBeQuiet: true))
        {
        }

        news.Repeat();
        Assert.Equal(NewsCount.Repeats, Enumerable.Range(0, 3 * NewsCount.Repeats).Count(_ => news.Beat(7, 7, mayBeQuiet: true)));
    }
}
