using CsCheck;
using KvRaft.Node.Answers;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Requests;
using KvRaft.Node.Tests.Options;
using KvRaft.V1;
using Microsoft.Extensions.Logging.Abstractions;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Tests.Answers;

public sealed class AnswerWindowTests
{
    private const long BudgetMax = 16L << 20;

    private readonly AnswerBudget _budget = NewBudget();

    [Fact]
    public async Task An_answer_beyond_the_budget_is_refused_with_a_delay_and_takes_nothing()
    {
        using var one = Window(BudgetMax, WindowFull.Wait);
        using var other = Window(BudgetMax, WindowFull.Wait);
        Assert.Null(await one.TakeAsync(BudgetMax / 2, CancellationToken.None));
        Assert.Null(await other.TakeAsync(BudgetMax / 2, CancellationToken.None));

        var refusal = (await Window(BudgetMax, WindowFull.Wait).TakeAsync(1 << 20, CancellationToken.None))!;
        Assert.Equal((ErrorReasons.Overloaded, true), (refusal.Reason, refusal.IsNotExecuted));
        Assert.True(refusal.RetryAfter > TimeSpan.Zero);
        Assert.Contains(new("setting", "limits.answerBytesInHandMax"), refusal.Facts);
        Assert.Equal((BudgetMax, 1L), (_budget.Bytes, _budget.Refused));

        // Small answers still have the reserve.
        using (var small = Window(BudgetMax, WindowFull.Wait))
        {
            Assert.Null(await small.TakeAsync(1024, CancellationToken.None));
        }

        one.Give(1 << 20);
        Assert.Null(await one.TakeAsync(1 << 20, CancellationToken.None));
    }

    [Fact]
    public async Task A_connection_has_half_at_most()
    {
        var share = new AnswerShare(_budget);
        using var one = new AnswerWindow(share, BudgetMax, WindowFull.Wait, 1024);
        using var two = new AnswerWindow(share, BudgetMax, WindowFull.Wait, 1024);
        Assert.Null(await one.TakeAsync(BudgetMax / 2, CancellationToken.None));

        Assert.Equal(ErrorReasons.Overloaded, (await two.TakeAsync(1, CancellationToken.None))!.Reason);
        Assert.Null(await Window(BudgetMax, WindowFull.Wait).TakeAsync(BudgetMax / 4, CancellationToken.None));
        one.Dispose();
        Assert.Null(await two.TakeAsync(1, CancellationToken.None));
    }

    [Fact]
    public async Task Answers_that_do_not_fit_one_message_are_refused()
    {
        using var window = Window(1000, WindowFull.Refuse);
        Assert.Null(await window.TakeAsync(600, CancellationToken.None));
        var refusal = (await window.TakeAsync(600, CancellationToken.None))!;

        Assert.Equal((ErrorReasons.LimitExceeded, true), (refusal.Reason, refusal.IsNotExecuted));
        Assert.Contains(new("actual", "1200"), refusal.Facts);
        Assert.Equal(600, _budget.Bytes);
    }

    [Fact]
    public async Task In_a_stream_the_next_answer_waits_in_turn_until_others_are_sent()
    {
        using var window = Window(1000, WindowFull.Wait);
        await window.TakeAsync(900, CancellationToken.None);
        var second = window.TakeAsync(500, CancellationToken.None).AsTask();
        var third = window.TakeAsync(50, CancellationToken.None).AsTask();
        Assert.False(second.IsCompleted || third.IsCompleted);

        window.Give(900);
        Assert.Null(await second);
        Assert.Null(await third);
        Assert.Equal(550, _budget.Bytes);
    }

    [Fact]
    public async Task An_answer_larger_than_a_stream_may_hold_goes_alone()
    {
        using var window = Window(1000, WindowFull.Wait);
        await window.TakeAsync(1, CancellationToken.None);
        var large = window.TakeAsync(5000, CancellationToken.None).AsTask();
        Assert.False(large.IsCompleted);
        window.Give(1);

        Assert.Null(await large);
        Assert.Equal(5000, _budget.Bytes);
    }

    [Fact]
    public async Task A_cancelled_wait_takes_nothing_and_blocks_no_other()
    {
        using var window = Window(1000, WindowFull.Wait);
        using var patience = new CancellationTokenSource();
        await window.TakeAsync(900, CancellationToken.None);
        var impatient = window.TakeAsync(500, patience.Token).AsTask();
        var next = window.TakeAsync(600, CancellationToken.None).AsTask();
        await patience.CancelAsync();
        Assert.Equal(ErrorReasons.Deadline, (await impatient)!.Reason);

        window.Give(900);
        Assert.Null(await next);
        Assert.Equal(600, _budget.Bytes);
    }

    [Fact]
    public async Task The_end_of_a_call_returns_all_bytes_once_while_its_operations_continue()
    {
        var window = Window(1000, WindowFull.Wait);
        await window.TakeAsync(900, CancellationToken.None);
        var waiting = window.TakeAsync(500, CancellationToken.None).AsTask();
        window.Dispose();
        window.Dispose();
        window.Give(900);

        Assert.NotNull(await waiting);
        Assert.NotNull(await window.TakeAsync(1, CancellationToken.None));
        Assert.Equal(0, _budget.Bytes);
    }

    [Fact]
    public void The_budget_returns_to_zero_and_is_never_exceeded() =>
        Gen.Select(Gen.Int[0, 3], Gen.Long[1, 6L << 20], Gen.Int[0, 2]).Array[1, 60].Sample(
            steps =>
            {
                var budget = NewBudget();
                var share = new AnswerShare(budget);
                AnswerWindow[] windows =
                [
                    new(share, 4L << 20, WindowFull.Refuse, 1024), new(share, 8L << 20, WindowFull.Wait, 1024), new(new AnswerShare(budget), 1L << 20, WindowFull.Wait, 1024),
                    new(new AnswerShare(budget), BudgetMax, WindowFull.Refuse, 1024),
                ];
                var held = windows.Select(_ => new Queue<long>()).ToArray();
                using var end = new CancellationTokenSource();
                var waiting = new List<Task<Failure?>>();
                foreach (var (window, bytes, what) in steps)
                {
                    if (what < 2)
                    {
                        var taken = windows[window].TakeAsync(bytes, end.Token).AsTask();
                        if (!taken.IsCompleted)
                        {
                            waiting.Add(taken);
                        }
                        else if (taken.Result is null)
                        {
                            held[window].Enqueue(bytes);
                        }
                    }
                    else if (held[window].TryDequeue(out var given))
                    {
                        windows[window].Give(given);
                    }

                    Assert.InRange(budget.Bytes, 0, BudgetMax + (BudgetMax / 8));
                }

                foreach (var window in windows)
                {
                    window.Dispose();
                }

                Task.WaitAll([.. waiting]);
                Assert.Equal(0, budget.Bytes);
            },
            iter: 200,
            threads: 1);

    private AnswerWindow Window(long bytesMax, WindowFull full) => new(new AnswerShare(_budget), bytesMax, full, 1024);

    private static AnswerBudget NewBudget()
    {
        var options = SomeOptions.SingleNode() with { Limits = new Limits { AnswerBytesInHandMax = BudgetMax } };
        return new AnswerBudget(options, new AnswerSends(options, new NodeFailure(), TimeProvider.System, NullLogger<AnswerSends>.Instance));
    }
}
