using KvRaft.Raft.Log;

namespace KvRaft.Raft.Tests.Log;

/// <summary>The first write or sync that fails is the last: nothing is retried, and nothing is acknowledged after it.</summary>
public sealed class FailStopTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly string FirstSegment = LogFixture.PathOf(1);

    // The n-th changing call of a batch: its write, its sync.
    [Theory]
    [InlineData(1, "Input/output error.")]
    [InlineData(1, "No space left on device.")]
    [InlineData(2, "Input/output error.")]
    public async Task Acknowledges_nothing_after_a_failed_write_or_sync(int call, string reason)
    {
        var fixture = new LogFixture();
        fixture.Options = fixture.Options with { IsManual = false };
        await using var log = fixture.Open();
        var group = log.OpenGroup(LogFixture.Key(1));
        var other = log.OpenGroup(LogFixture.Key(2));
        await group.WhenDurableAsync();
        await other.WhenDurableAsync();

        fixture.Fs.FailAt(call, new IOException(reason), FirstSegment);
        group.Append(1, LogEntryKind.Command, default);
        var waits = new[] { group.WhenDurableAsync().AsTask(), group.WaitDurableAsync(1).AsTask() };
        foreach (var wait in waits)
        {
            Assert.Contains(reason, (await Assert.ThrowsAsync<LogFailedException>(() => wait.WaitAsync(Patience))).Message, StringComparison.Ordinal);
        }

        await Assert.ThrowsAsync<LogFailedException>(() => log.Failure.WaitAsync(Patience));
        // The background may still prepare the next segment, which acknowledges nothing: count only the log's own file.
        var calls = fixture.Fs.CallsTo(FirstSegment);
        Assert.Equal(0, group.DurableIndex);
        Assert.Throws<LogFailedException>(() => group.Append(1, LogEntryKind.Command, default));
        Assert.Throws<LogFailedException>(() => other.SetBallot(1, default));
        Assert.Throws<LogFailedException>(() => log.OpenGroup(LogFixture.Key(3)));
        await Assert.ThrowsAsync<LogFailedException>(() => other.WhenDurableAsync().AsTask());
        await Assert.ThrowsAsync<LogFailedException>(async () => await log.DropGroupAsync(LogFixture.Key(2)));
        await log.DisposeAsync();
        Assert.Equal(calls, fixture.Fs.CallsTo(FirstSegment));
    }

    [Fact]
    public async Task Stops_when_the_next_segment_cannot_be_prepared()
    {
        var fixture = new LogFixture();
        fixture.Options = fixture.Options with { IsManual = false };
        await using var log = fixture.Open();
        var group = log.OpenGroup(LogFixture.Key(1));
        await group.WhenDurableAsync();

        fixture.Fs.FailAt(1, new IOException("Input/output error."), LogFixture.PathOf(3) + SegmentFactory.TemporaryExtension);
        var failed = log.Failure.WaitAsync(Patience);
        while (!failed.IsCompleted)
        {
            try
            {
                group.Append(1, LogEntryKind.Command, new byte[1000]);
                await group.WhenDurableAsync();
            }
            catch (LogFailedException)
            {
                break;
            }
        }

        await Assert.ThrowsAsync<LogFailedException>(() => failed);
    }

    [Fact]
    public async Task Makes_durable_what_it_finds_even_if_the_sync_that_should_have_done_so_failed()
    {
        // After a failed sync Linux keeps the pages and marks them clean: the next process reads data that is not on disk, and its sync
        // succeeds without writing anything.
        var fixture = new LogFixture();
        var log = fixture.Open();
        var group = log.OpenGroup(LogFixture.Key(1));
        log.Pump();
        group.Append(1, LogEntryKind.Command, "seen, not on disk"u8.ToArray());
        fixture.Fs.FailAt(2, new IOException("Input/output error."));
        log.Pump();
        Assert.True(log.Failure.IsFaulted);
        fixture.Fs.KillProcess();

        var found = fixture.Open().OpenGroup(LogFixture.Key(1)).LastIndex;
        Assert.Equal(1, found);
        fixture.Fs.Crash(new Random(1));

        await using var after = fixture.Open();
        Assert.Equal(found, after.OpenGroup(LogFixture.Key(1)).LastIndex);
        Assert.Empty(after.Holes);
    }

    [Fact]
    public async Task Stops_when_a_handler_of_durability_throws()
    {
        var fixture = new LogFixture();
        await using var log = fixture.Open();
        var group = log.OpenGroup(LogFixture.Key(1));
        group.DurableAdvanced += _ => throw new InvalidOperationException("A handler's bug.");
        group.Append(1, LogEntryKind.Command, default);
        log.Pump();
        Assert.Contains("A handler's bug.", (await Assert.ThrowsAsync<LogFailedException>(() => log.Failure)).Message, StringComparison.Ordinal);
    }
}
