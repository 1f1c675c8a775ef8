using System.Threading.Channels;
using KvRaft.Raft.Reads;

namespace KvRaft.Raft.Tests.Reads;

public sealed class SharedRoundsTests
{
    private readonly Channel<TaskCompletionSource<int>> _runs = Channel.CreateUnbounded<TaskCompletionSource<int>>();

    [Fact]
    public async Task Requests_during_a_run_share_the_next_one_and_runs_do_not_overlap()
    {
        var rounds = new SharedRounds<int>(BeginAsync);
        var first = rounds.NextAsync();
        var second = rounds.NextAsync();
        var third = rounds.NextAsync();
        var run = await BegunAsync();
        Assert.False(_runs.Reader.TryRead(out _));

        run.SetResult(1);
        Assert.Equal(1, await first);
        run = await BegunAsync();
        Assert.False(second.IsCompleted);

        run.SetResult(2);
        Assert.Equal((2, 2), (await second, await third));
        Assert.False(_runs.Reader.TryRead(out _));
    }

    [Fact]
    public async Task An_exception_of_one_run_does_not_affect_the_next()
    {
        var rounds = new SharedRounds<int>(BeginAsync);
        var first = rounds.NextAsync();
        var second = rounds.NextAsync();

        (await BegunAsync()).SetException(new IOException("gone"));
        await Assert.ThrowsAsync<IOException>(() => first);

        (await BegunAsync()).SetResult(2);
        Assert.Equal(2, await second);
    }

    [Fact]
    public async Task A_run_that_ends_at_once_leaves_the_way_free()
    {
        var rounds = new SharedRounds<int>(() => Task.FromResult(7));
        Assert.Equal(7, await rounds.NextAsync());
        Assert.Equal(7, await rounds.NextAsync());
    }

    private Task<int> BeginAsync()
    {
        var run = new TaskCompletionSource<int>();
        Assert.True(_runs.Writer.TryWrite(run));
        return run.Task;
    }

    private ValueTask<TaskCompletionSource<int>> BegunAsync() => _runs.Reader.ReadAsync(TestContext.Current.CancellationToken);
}
