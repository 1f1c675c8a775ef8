using CsCheck;
using KvRaft.Client.Sessions;

namespace KvRaft.Client.Tests.Sessions;

public sealed class WriteSessionTests
{
    [Fact]
    public void Numbers_start_at_one_and_have_no_gaps()
    {
        var session = new WriteSession(Guid.NewGuid());

        var numbers = Enumerable.Range(0, 5).Select(_ => Begin(session).Sequence);

        Assert.Equal([1, 2, 3, 4, 5], numbers);
    }

    [Fact]
    public void First_unacked_is_the_lowest_number_without_an_answer()
    {
        Gen.Int[1, 60].SelectMany(count => Gen.Shuffle(Enumerable.Range(1, count).ToArray())).Sample(order =>
        {
            var session = new WriteSession(Guid.NewGuid());
            var open = new SortedSet<long>();
            foreach (var _ in order)
            {
                open.Add(Begin(session).Sequence);
            }

            foreach (var number in order)
            {
                session.Complete(number);
                open.Remove(number);
                Assert.Equal(open.Count > 0 ? open.Min : order.Length + 1, session.FirstUnacked);
            }
        });
    }

    [Fact]
    public void A_number_is_completed_once()
    {
        var session = new WriteSession(Guid.NewGuid());
        session.Complete(Begin(session).Sequence);

        Assert.Throws<Topology.InvariantException>(() => session.Complete(1));
    }

    [Fact]
    public void The_id_goes_over_the_wire_most_significant_byte_first()
    {
        var session = new WriteSession(Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"));

        Assert.Equal(Convert.FromHexString("00112233445566778899aabbccddeeff"), session.ClientIdBytes.ToByteArray());
    }

    [Fact]
    public void A_write_that_stays_open_ends_the_session_after_a_window()
    {
        var sessions = new SessionSequence(Guid.NewGuid, window: 4);
        var stuck = sessions.Begin();
        for (var i = 0; i < 3; i++)
        {
            var stamp = sessions.Begin();
            Assert.Same(stuck.Session, stamp.Session);
            stamp.Session.Complete(stamp.Sequence);
        }

        var next = sessions.Begin();

        Assert.NotEqual(stuck.Session.ClientId, next.Session.ClientId);
        Assert.Equal(1, next.Sequence);
        Assert.Equal(1, stuck.Session.FirstUnacked);
    }

    [Fact]
    public void Answered_writes_never_end_a_session_however_many()
    {
        var sessions = new SessionSequence(Guid.NewGuid, window: 4);
        var first = sessions.Current;
        for (var i = 0; i < 100; i++)
        {
            var stamp = sessions.Begin();
            stamp.Session.Complete(stamp.Sequence);
        }

        Assert.Same(first, sessions.Current);
    }

    [Fact]
    public void A_request_id_is_read_back_as_it_was_written()
    {
        var id = new KvRequestId(Guid.NewGuid(), 42);

        Assert.True(KvRequestId.TryParse(id.ToString(), out var read));
        Assert.Equal(id, read);
        Assert.False(KvRequestId.TryParse("42", out _));

        var seen = id with { AfterShard = 63, AfterIndex = 9_000_000_000 };
        Assert.Equal($"{id}-63-9000000000", seen.ToString());
        Assert.True(KvRequestId.TryParse(seen.ToString(), out read));
        Assert.Equal(seen, read);
        Assert.False(KvRequestId.TryParse($"{id}-63", out _));
        Assert.False(KvRequestId.TryParse($"{id}-63-", out _));
        Assert.False(KvRequestId.TryParse($"{id}-9000000000-1", out _));
    }

    private static WriteStamp Begin(WriteSession session)
    {
        Assert.True(session.TryBegin(1000, out var stamp));
        return stamp;
    }
}
