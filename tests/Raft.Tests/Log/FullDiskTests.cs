using KvRaft.Raft.Log;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvRaft.Raft.Tests.Log;

/// <summary>A disk that is too full for the next segment is not a failure: the log accepts no entries, still accepts votes, and continues when there is space.</summary>
public sealed class FullDiskTests
{
    private const int NoSpaceLeft = 28;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_log_on_a_full_disk_refuses_entries_accepts_votes_and_continues_when_there_is_space(bool isSeenBefore)
    {
        var fixture = new LogFixture();
        fixture.Options = fixture.Options with { IsManual = false };
        await using var log = fixture.Open();
        var group = log.OpenGroup(LogFixture.Key(1));
        await group.WhenDurableAsync();
        if (isSeenBefore)
        {
            fixture.Fs.BytesFree = fixture.Options.SegmentBytes - 1;
        }
        else
        {
            // Another process took the space between the check and the write.
            fixture.Fs.FailAt(1, new IOException("No space left on device", NoSpaceLeft), LogFixture.PathOf(3) + SegmentFactory.TemporaryExtension);
        }

        var entries = 0L;
        while (log.HasRoomFor(200))
        {
            entries = group.Append(1, LogEntryKind.Command, new byte[200]);
            await group.WhenDurableAsync().AsTask().WaitAsync(Patience);
            Assert.True(entries < 100, "the log never ran out of room");

            // The next segment is made in the background: an entry that arrives earlier waits for space like a vote.
            await UntilAsync(() => !log.IsPreparingSegment);
        }

        // Votes are written into the rest of the segment.
        group.SetBallot(7, "n2"u8);
        await group.WhenDurableAsync().AsTask().WaitAsync(Patience);
        Assert.Equal(entries, group.DurableIndex);
        Assert.False(log.Failure.IsCompleted);

        fixture.Fs.BytesFree = long.MaxValue;
        log.TryRoom();
        await UntilAsync(() => log.HasRoomFor(200));
        group.Append(7, LogEntryKind.Command, new byte[200]);
        await group.WhenDurableAsync().AsTask().WaitAsync(Patience);
        Assert.Equal(entries + 1, group.DurableIndex);
    }

    /// <summary>If votes use up even the rest of the segment, they wait, unanswered, and are answered when there is space.</summary>
    [Fact]
    public async Task A_writer_without_disk_space_waits_and_loses_nothing()
    {
        var fixture = new LogFixture();
        fixture.Options = fixture.Options with { IsManual = false };
        await using var log = fixture.Open();
        var group = log.OpenGroup(LogFixture.Key(1));
        await group.WhenDurableAsync();
        fixture.Fs.BytesFree = 0;
        const long Term = 200;
        for (var term = 1L; term <= Term; term++)
        {
            group.SetBallot(term, []);
        }

        var votes = group.WhenDurableAsync().AsTask();
        await UntilAsync(() => !log.HasRoomFor(0));
        Assert.False(votes.IsCompleted);
        Assert.False(log.Failure.IsCompleted);
        fixture.Fs.BytesFree = long.MaxValue;
        log.TryRoom();
        await votes.WaitAsync(Patience);
        await log.DisposeAsync();

        await using var again = fixture.Open();
        Assert.Equal(Term, again.OpenGroup(LogFixture.Key(1)).Ballot.Term);
    }

    [Fact]
    public async Task A_log_that_waits_for_disk_space_can_be_closed()
    {
        var fixture = new LogFixture();
        fixture.Options = fixture.Options with { IsManual = false };
        var log = fixture.Open();
        var group = log.OpenGroup(LogFixture.Key(1));
        await group.WhenDurableAsync();
        fixture.Fs.BytesFree = 0;
        for (var number = 0; number < 40; number++)
        {
            group.Append(1, LogEntryKind.Command, new byte[200]);
        }

        await UntilAsync(() => !log.HasRoomFor(0));
        var durable = group.DurableIndex;
        await log.DisposeAsync().AsTask().WaitAsync(Patience);

        fixture.Fs.BytesFree = long.MaxValue;
        await using var again = fixture.Open();
        Assert.True(again.OpenGroup(LogFixture.Key(1)).LastIndex >= durable);
        Assert.Empty(again.Holes);
    }

    /// <summary>
    /// The writer makes a segment itself if there was no space to prepare it. Once there was space again, the background made the same file concurrently: the writer's records went into a file that
    /// the other thread overwrote by its rename.
    /// </summary>
    [Fact]
    public async Task A_segment_that_the_writer_makes_is_not_made_in_the_background_too()
    {
        var fixture = new LogFixture();
        fixture.Fs.CreateDirectory(LogFixture.Directory);
        var options = fixture.Options with { IsManual = false };
        var background = new BackgroundWork(isManual: false, static _ => { });
        var factory = new SegmentFactory(fixture.Fs, LogFixture.Directory, LogFixture.Identity, options, background, NullLogger.Instance);
        fixture.Fs.BytesFree = 0;
        var taking = Task.Factory.StartNew(() => factory.Take(2, 0), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await UntilAsync(() => factory.IsOutOfRoom);

        // As housekeeping does once a second while there is no space.
        fixture.Fs.BytesFree = long.MaxValue;
        factory.Prepare(2);
        await UntilAsync(() => !factory.IsPreparing);
        var segment = await taking.WaitAsync(Patience);
        Assert.Equal(2, segment.Number);
        Assert.Equal(1, fixture.Fs.CallsTo(LogFixture.PathOf(2)));

        // The next one is prepared as usual.
        factory.Prepare(3);
        await UntilAsync(() => !factory.IsPreparing);
        Assert.Equal(1, fixture.Fs.CallsTo(LogFixture.PathOf(3)));
        segment.Release();
        factory.Stop();
        await background.StopAsync();
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (!holds())
        {
            await Task.Delay(5, limit.Token);
        }
    }
}
