using KvRaft.Raft.Consensus;

namespace KvRaft.Raft.Tests.Consensus;

public sealed class ApplyProgressTests
{
    [Fact]
    public async Task Waiters_are_released_in_the_order_of_their_index()
    {
        var progress = new ApplyProgress(5);
        Assert.True(progress.WaitAsync(5, default).AsTask().IsCompletedSuccessfully);
        var six = progress.WaitAsync(6, default).AsTask();
        var eight = progress.WaitAsync(8, default).AsTask();
        var next = progress.WaitForNextAsync(default).AsTask();

        progress.Advance(7);
        await six;
        await next;
        Assert.False(eight.IsCompleted);

        progress.Advance(8);
        await eight;
    }

    [Fact]
    public async Task An_index_is_not_reached_before_its_configuration_is_saved()
    {
        var progress = new ApplyProgress(0);
        var saving = new TaskCompletionSource();
        progress.HoldAt(2, saving.Task);
        var one = progress.WaitAsync(1, default).AsTask();
        var two = progress.WaitAsync(2, default).AsTask();

        progress.Advance(3);
        await one;
        Assert.False(two.IsCompleted);

        saving.SetResult();
        await two;
    }

    [Fact]
    public async Task When_the_replica_fails_all_waits_fail_with_the_cause()
    {
        var progress = new ApplyProgress(0);
        var waiting = progress.WaitAsync(1, default).AsTask();

        progress.Fail(new IOException("gone"));

        await Assert.ThrowsAsync<IOException>(() => waiting);
        await Assert.ThrowsAsync<IOException>(() => progress.WaitAsync(9, default).AsTask());
    }

    [Fact]
    public async Task A_cancelled_wait_ends_and_leaves_the_others()
    {
        var progress = new ApplyProgress(0);
        using var patience = new CancellationTokenSource();
        var cancelled = progress.WaitAsync(1, patience.Token).AsTask();
        var patient = progress.WaitAsync(1, default).AsTask();

        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        progress.Advance(1);
        await patient;
    }
}
