using KvRaft.Node.Administration;
using KvRaft.Node.Requests;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Administration;

public sealed class WholeShardWorkTests
{
    [Fact]
    public async Task One_call_at_a_time_has_its_turn()
    {
        using var work = new WholeShardWork();
        var (running, most) = (0, 0);
        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => work.RunAsync(
            async () =>
            {
                most = Math.Max(most, Interlocked.Increment(ref running));
                await Task.Yield();
                Interlocked.Decrement(ref running);
                return i;
            },
            TestContext.Current.CancellationToken)));

        Assert.Equal((1, 0), (most, work.Calls));
        Assert.Equal(Enumerable.Range(0, 50), answers);
    }

    [Fact]
    public async Task A_caller_that_leaves_gives_up_its_place()
    {
        using var work = new WholeShardWork();
        using var leaving = new CancellationTokenSource();
        var gate = new TaskCompletionSource();
        var first = work.RunAsync(async () => { await gate.Task; return 1; }, TestContext.Current.CancellationToken);
        var waiting = Enumerable.Range(1, WholeShardWork.WaitingMax - 1).Select(_ => work.RunAsync(() => Task.FromResult(0), leaving.Token)).ToArray();

        var refused = await Assert.ThrowsAsync<FailureException>(() => work.RunAsync(() => Task.FromResult(2), TestContext.Current.CancellationToken));
        await leaving.CancelAsync();
        foreach (var call in waiting)
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        }

        var last = work.RunAsync(() => Task.FromResult(3), TestContext.Current.CancellationToken);
        gate.SetResult();

        Assert.Equal((ErrorReasons.Overloaded, Execution.NotExecuted), (refused.Failure.Reason, refused.Failure.Execution));
        Assert.Equal((1, 3, 0), (await first, await last, work.Calls));
    }
}
