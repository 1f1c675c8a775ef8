using KvRaft.Raft.Background;

namespace KvRaft.Raft.Tests.Background;

public sealed class BackgroundTasksTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly List<(string Work, Exception Cause)> _faults = [];
    private readonly BackgroundTasks _tasks;

    public BackgroundTasksTests() => _tasks = new BackgroundTasks((work, cause) => _faults.Add((work, cause)));

    [Fact]
    public async Task A_loop_that_is_asked_to_stop_is_not_a_fault()
    {
        using var stopping = new CancellationTokenSource();
        var loop = _tasks.StartLoop("loop", static token => Task.Delay(Timeout.Infinite, token), stopping.Token);
        await stopping.CancelAsync();
        await loop.WaitAsync(Patience);
        Assert.Empty(_faults);
    }

    [Fact]
    public async Task An_exception_that_a_loop_does_not_handle_goes_to_its_owner()
    {
        var cause = new InvalidOperationException("planted");
        await _tasks.StartLoop("loop", _ => throw cause, CancellationToken.None).WaitAsync(Patience);
        Assert.Equal(("loop", cause), Assert.Single(_faults));
    }

    [Fact]
    public async Task A_cancellation_that_is_not_the_owners_is_a_fault()
    {
        using var other = new CancellationTokenSource();
        await other.CancelAsync();
        await _tasks.GuardLoopAsync("loop", _ => Task.FromCanceled(other.Token), CancellationToken.None);
        Assert.IsAssignableFrom<OperationCanceledException>(Assert.Single(_faults).Cause);
    }

    [Fact]
    public async Task A_loop_that_ends_by_itself_is_a_fault()
    {
        await _tasks.StartLoop("loop", static _ => Task.CompletedTask, CancellationToken.None).WaitAsync(Patience);
        Assert.Equal("loop", Assert.Single(_faults).Work);
    }

    [Fact]
    public async Task Work_may_end_by_itself_and_its_exception_is_a_fault()
    {
        await _tasks.Start("work", static () => Task.CompletedTask).WaitAsync(Patience);
        await _tasks.GuardAsync("work", static () => Task.CompletedTask);
        Assert.Empty(_faults);
        await _tasks.GuardAsync("before it waits", static () => throw new InvalidOperationException("planted"));
        await _tasks.Start("on the pool", static async () =>
        {
            await Task.Yield();
            throw new InvalidOperationException("planted");
        }).WaitAsync(Patience);
        Assert.Equal(["before it waits", "on the pool"], _faults.Select(static fault => fault.Work));
    }
}
