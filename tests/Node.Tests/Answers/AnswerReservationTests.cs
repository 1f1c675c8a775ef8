using KvRaft.Node.Answers;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Tests.Options;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvRaft.Node.Tests.Answers;

public sealed class AnswerReservationTests
{
    [Theory]
    [InlineData(null, 0)]
    [InlineData(0L, 0)]
    [InlineData(300L, 300)]
    [InlineData(1000L, 1000)]

    // An answer may turn out longer than its reservation.
    [InlineData(1200L, 1200)]
    public async Task An_unused_reservation_is_returned_at_the_end_of_its_scope(long? held, long kept)
    {
        var options = SomeOptions.SingleNode();
        var budget = new AnswerBudget(options, new AnswerSends(options, new NodeFailure(), TimeProvider.System, NullLogger<AnswerSends>.Instance));
        using var window = new AnswerWindow(new AnswerShare(budget), 1 << 20, WindowFull.Refuse, 1024);
        Assert.Null(await window.TakeAsync(1000, CancellationToken.None));
        using (var reserved = new AnswerReservation(window, 1000))
        {
            if (held is { } bytes)
            {
                reserved.Keep(bytes);
            }

            Assert.Equal(1000, window.Bytes);
        }

        Assert.Equal((kept, kept), (window.Bytes, budget.Bytes));
    }
}
