using KvRaft.Node.Requests;
using KvRaft.V1;
using Microsoft.Extensions.Time.Testing;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Tests.Requests;

public sealed class DeadlineTests
{
    private static readonly Limits Limits = new() { TimeoutDefault = TimeSpan.FromSeconds(10), TimeoutMax = TimeSpan.FromSeconds(60) };

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    [Theory]
    [InlineData(0, null, 10_000)]
    [InlineData(500, null, 500)]
    [InlineData(500, 200, 200)]
    [InlineData(500, 900, 500)]
    [InlineData(0, 900, 900)]
    [InlineData(100_000, null, 60_000)]
    [InlineData(0, -5, -5)]
    public void The_earlier_of_header_and_call_counts_within_the_ceiling(int header, int? call, double expected)
    {
        var until = call is { } ms ? _time.GetUtcNow().UtcDateTime.AddMilliseconds(ms) : DateTime.MaxValue;

        var deadline = Deadline.Of(new RequestHeader { TimeoutMs = header }, until, Limits, _time);

        Assert.Equal(expected, deadline.Remaining(_time).TotalMilliseconds);
    }

    [Fact]
    public void Passing_on_keeps_five_milliseconds_for_the_way()
    {
        var deadline = Deadline.After(TimeSpan.FromMilliseconds(100), _time);

        Assert.Equal(95, deadline.MillisecondsToForward(_time));
        _time.Advance(TimeSpan.FromMilliseconds(97));
        Assert.True(deadline.MillisecondsToForward(_time) <= 0);
        Assert.False(deadline.HasPassed(_time));
    }

    [Fact]
    public void Requests_that_end_together_share_a_token_that_fires_after_the_last_of_them()
    {
        var tokens = new DeadlineTokens(_time);
        var deadline = Deadline.After(TimeSpan.FromMilliseconds(100), _time);
        var token = tokens.For(deadline);

        Assert.Equal(token, tokens.For(deadline));
        _time.Advance(TimeSpan.FromMilliseconds(99));
        Assert.False(token.IsCancellationRequested);
        _time.Advance(TimeSpan.FromMilliseconds(1) + DeadlineTokens.Grain);
        Assert.True(token.IsCancellationRequested);
        Assert.True(tokens.For(deadline).IsCancellationRequested);
    }
}
