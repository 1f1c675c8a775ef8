using KvRaft.Raft.Log;

namespace KvRaft.Raft.Tests.Log;

public sealed class GroupCommitTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Writes_what_all_groups_queued_during_a_sync_with_the_next_one()
    {
        const int groupCount = 50;
        var fixture = new LogFixture();
        fixture.Options = fixture.Options with { IsManual = false, SegmentBytes = 1 << 20, LogBytesMax = 1 << 22 };
        await using var log = fixture.Open();
        var groups = Enumerable.Range(0, groupCount).Select(number => log.OpenGroup(LogFixture.Key(number))).ToArray();
        await Task.WhenAll(groups.Select(group => group.WhenDurableAsync().AsTask()));

        using var entered = new SemaphoreSlim(0);
        using var mayGoOn = new SemaphoreSlim(0);
        var isHeld = 0;
        fixture.Fs.OnFlush = () =>
        {
            // Only the writer's syncs: the next segment is prepared concurrently since the log was opened, and its syncs arrive here, too. When both arrived at once, and both
            // were held, one waited for a second release that never came.
            if (Thread.CurrentThread.Name == NodeLog.WriterThreadName && Interlocked.Exchange(ref isHeld, 1) == 0)
            {
                entered.Release();
                Assert.True(mayGoOn.Wait(Patience), "The test never let the first sync go on.");
            }
        };
        var before = log.Statistics;
        groups[0].Append(1, LogEntryKind.Command, "first"u8.ToArray());
        Assert.True(await entered.WaitAsync(Patience), "The writer never began to sync.");
        foreach (var group in groups)
        {
            group.Append(1, LogEntryKind.Command, "second"u8.ToArray());
            group.SetBallot(1, "me"u8);
        }

        var waits = groups.Select(group => group.WhenDurableAsync().AsTask()).ToArray();
        Assert.All(waits, wait => Assert.False(wait.IsCompleted));
        Assert.Equal(0, groups[0].DurableIndex);
        mayGoOn.Release();
        await Task.WhenAll(waits).WaitAsync(Patience);

        var after = log.Statistics;
        Assert.Equal(2, after.Syncs - before.Syncs);
        Assert.Equal(1 + (2 * groupCount), after.Records - before.Records);
        Assert.All(groups, group => Assert.Equal(group.LastIndex, group.DurableIndex));
    }

    [Fact]
    public async Task Reports_the_durable_index_also_when_a_truncation_returns_it_to_the_same_index()
    {
        var fixture = new LogFixture();
        await using var log = fixture.Open();
        var group = log.OpenGroup(LogFixture.Key(1));
        var told = new List<long>();
        group.DurableAdvanced += told.Add;

        group.Append(1, LogEntryKind.Command, default);
        group.Append(1, LogEntryKind.Command, default);
        log.Pump();
        group.TruncateFrom(2);
        group.Append(2, LogEntryKind.Command, default);
        Assert.Equal(1, group.DurableIndex);
        log.Pump();
        group.SetBallot(3, default);
        log.Pump();

        Assert.Equal([2, 2], told);
    }

    [Fact]
    public async Task Fails_the_wait_for_an_entry_that_is_cut_and_serves_the_one_that_takes_its_place()
    {
        var fixture = new LogFixture();
        await using var log = fixture.Open();
        var group = log.OpenGroup(LogFixture.Key(1));
        group.Append(1, LogEntryKind.Command, default);
        group.Append(1, LogEntryKind.Command, default);
        var first = group.WaitDurableAsync(1).AsTask();
        var cut = group.WaitDurableAsync(2).AsTask();

        group.TruncateFrom(2);
        group.Append(2, LogEntryKind.Command, default);
        var second = group.WaitDurableAsync(2).AsTask();
        Assert.Equal(2, (await Assert.ThrowsAsync<LogEntryCutException>(() => cut.WaitAsync(Patience))).Index);
        Assert.False(second.IsCompleted);
        log.Pump();

        await first.WaitAsync(Patience);
        await second.WaitAsync(Patience);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await group.WaitDurableAsync(3));
    }

    [Fact]
    public async Task Completes_a_wait_at_once_when_there_is_nothing_to_wait_for()
    {
        var fixture = new LogFixture();
        await using var log = fixture.Open();
        var group = log.OpenGroup(LogFixture.Key(1));
        group.Append(1, LogEntryKind.Command, default);
        log.Pump();
        Assert.Same(Task.CompletedTask, group.WhenDurableAsync().AsTask());
        Assert.Same(Task.CompletedTask, group.WaitDurableAsync(1).AsTask());
    }
}
