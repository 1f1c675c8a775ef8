using KvRaft.Node.Shards;
using Microsoft.Extensions.Time.Testing;

namespace KvRaft.Node.Tests.Shards;

public sealed class ProposalWaitTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Nothing_measured_means_no_wait() => Assert.Equal(TimeSpan.Zero, new ProposalWait(_time).Expected(1));

    [Fact]
    public void A_write_that_fits_the_next_entry_is_always_tried()
    {
        var wait = new ProposalWait(_time);
        Measure(wait, TimeSpan.FromSeconds(5));

        Assert.Equal(TimeSpan.Zero, wait.Expected(100));
    }

    [Fact]
    public void A_queue_of_full_entries_takes_a_round_for_each()
    {
        var wait = new ProposalWait(_time);
        Measure(wait, TimeSpan.FromMilliseconds(10));
        for (var i = 0; i < 5 * 512; i++)
        {
            wait.Enter(10);
        }

        Assert.Equal(60, wait.Expected(10).TotalMilliseconds, tolerance: 1);
    }

    [Fact]
    public void Large_values_fill_entries_too()
    {
        var wait = new ProposalWait(_time);
        Measure(wait, TimeSpan.FromMilliseconds(10));
        for (var i = 0; i < 16; i++)
        {
            wait.Enter(1 << 20);
        }

        Assert.InRange(wait.Expected(1 << 20).TotalMilliseconds, 45, 55);
    }

    [Fact]
    public void Bytes_that_were_sent_are_not_waited_for()
    {
        var wait = new ProposalWait(_time);
        Measure(wait, TimeSpan.FromMilliseconds(10));
        var places = Enumerable.Range(0, 2_000).Select(_ => wait.Enter(10)).ToList();
        places.ForEach(wait.Leave);

        Assert.Equal(TimeSpan.Zero, wait.Expected(10));
    }

    [Fact]
    public void Large_writes_wait_behind_a_bounded_number_of_bytes_and_small_ones_behind_any()
    {
        var wait = new ProposalWait(_time);
        var places = Enumerable.Range(0, 16).Select(_ =>
        {
            Assert.True(wait.HasRoomFor(1 << 20));
            return wait.Enter(1 << 20);
        }).ToList();

        Assert.False(wait.HasRoomFor(1 << 20));
        Assert.False(wait.HasRoomFor(ProposalWait.SmallBytesMax + 1));
        Assert.True(wait.HasRoomFor(ProposalWait.SmallBytesMax));
        wait.Leave(places[0]);
        Assert.True(wait.HasRoomFor(1 << 20));
    }

    private void Measure(ProposalWait wait, TimeSpan took)
    {
        var place = wait.Enter(10);
        _time.Advance(took);
        wait.Leave(place);
        wait.Took(place);
    }
}
