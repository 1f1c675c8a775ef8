using KvRaft.Chaos.Checkers;
using KvRaft.Checkers.Tests.Support;

namespace KvRaft.Checkers.Tests.Expiry;

/// <summary>Every grant is for 1,000 ms, the margin is 100 ms; each event takes one millisecond.</summary>
public class LockCheckerTests
{
    [Fact]
    public void Consecutive_holders_are_valid() =>
        Assert.Empty(Check(Acquire(0, "a").Ok(0).Acquire(1, "b").Refused(1, "a").Wait(1_000).Acquire(1, "b").Ok(1)));

    /// <summary>A leader with a clock that was ahead, and the next one with a correct clock: the first grant had expired when it was made.</summary>
    [Theory]
    [InlineData(0, "two-holders")]
    [InlineData(850, "two-holders")]
    [InlineData(950, "")]
    public void A_second_grant_within_the_time_of_the_first_is_two_holders(long waitMilliseconds, string anomaly) =>
        Assert.Equal(anomaly, string.Join(',', Check(Acquire(0, "a").Ok(0).Wait(waitMilliseconds).Acquire(1, "b").Ok(1))));

    [Fact]
    public void Grants_that_were_asked_for_at_once_cannot_both_be_given() =>
        Assert.Equal(["two-holders"], Check(Acquire(0, "a").Acquire(1, "b").Ok(0).Ok(1)));

    [Fact]
    public void The_time_counts_from_sending_because_the_answer_may_be_slow()
    {
        // The first answer arrives when its time has almost ended, so its client does not rely on the lock any more.
        Assert.Empty(Check(Acquire(0, "a").Wait(950).Ok(0).Wait(100).Acquire(1, "b").Ok(1)));
        Assert.Equal(["two-holders"], Check(Acquire(0, "a").Wait(500).Ok(0).Wait(100).Acquire(1, "b").Ok(1)));
    }

    [Fact]
    public void A_lock_that_is_being_released_may_be_granted_or_not()
    {
        Assert.Empty(Check(Acquire(0, "a").Ok(0).Release(0, "a").Acquire(1, "b").Ok(1).Ok(0)));
        Assert.Empty(Check(Acquire(0, "a").Ok(0).Release(0, "a").Info(0).Acquire(1, "b").Ok(1)));
    }

    [Fact]
    public void A_renewal_holds_on_and_one_without_an_answer_does_not_count()
    {
        Assert.Equal(["two-holders"], Check(Acquire(0, "a").Ok(0).Wait(800).Renew(0, "a").Ok(0).Wait(500).Acquire(1, "b").Ok(1)));
        Assert.Empty(Check(Acquire(0, "a").Ok(0).Wait(800).Renew(0, "a").Info(0).Wait(300).Acquire(1, "b").Ok(1)));
    }

    /// <summary>A renewal sets a new time: it may end earlier than that of the grant before it.</summary>
    [Theory]
    [InlineData(100, "two-holders")]
    [InlineData(250, "")]
    public void A_renewal_may_shorten_the_time(long waitMilliseconds, string anomaly)
    {
        Assert.Equal(anomaly, string.Join(',', Check(Acquire(0, "a").Ok(0).Renew(0, "a", 300).Ok(0).Wait(waitMilliseconds).Acquire(1, "b").Ok(1))));
        Assert.Equal(anomaly, string.Join(',', Check(Acquire(0, "a").Ok(0).Renew(0, "a", 300).Info(0).Wait(waitMilliseconds).Acquire(1, "b").Ok(1))));
    }

    [Fact]
    public void A_certain_holder_must_not_be_refused()
    {
        Assert.Equal(["lost-early"], Check(Acquire(0, "a").Ok(0).Wait(500).Get(1).Saw(1, null)));
        Assert.Equal(["lost-early"], Check(Acquire(0, "a").Ok(0).Wait(500).Renew(0, "a").Refused(0, null)));
        Assert.Equal(["lost-early"], Check(Acquire(0, "a").Ok(0).Wait(500).Release(1, "a").Refused(1, null)));
        Assert.Empty(Check(Acquire(0, "a").Ok(0).Wait(950).Renew(0, "a").Refused(0, null)));
        Assert.Empty(Check(Acquire(0, "a").Ok(0).Wait(850).Get(1).Wait(200).Saw(1, null)));
    }

    [Theory]
    [InlineData(1_050, "")]
    [InlineData(1_150, "held-too-long")]
    public void A_lock_becomes_free_again(long waitMilliseconds, string anomaly)
    {
        Assert.Equal(anomaly, string.Join(',', Check(Acquire(0, "a").Ok(0).Wait(waitMilliseconds).Acquire(1, "b").Refused(1, "a"))));
        Assert.Equal(anomaly, string.Join(',', Check(Acquire(0, "a").Ok(0).Wait(waitMilliseconds).Get(1).Saw(1, "a"))));
        Assert.Equal(anomaly, string.Join(',', Check(Acquire(0, "a").Ok(0).Wait(900).Renew(0, "a").Ok(0).Wait(waitMilliseconds).Get(1).Saw(1, "a"))));
    }

    /// <summary>A grant without an answer may take effect at any later time, but not after its token was seen.</summary>
    [Fact]
    public void A_grant_without_an_answer_counts_from_the_first_read_of_its_token()
    {
        Assert.Empty(Check(Acquire(0, "a").Info(0).Wait(5_000).Get(1).Saw(1, "a").Wait(900).Get(1).Saw(1, "a")));
        Assert.Equal(["held-too-long"], Check(Acquire(0, "a").Info(0).Wait(5_000).Get(1).Saw(1, "a").Wait(1_150).Get(1).Saw(1, "a")));
        Assert.Empty(Check(Acquire(0, "a").Ok(0).Renew(0, "a").Info(0).Wait(1_950).Get(1).Saw(1, "a")));
        Assert.Equal(["held-too-long"], Check(Acquire(0, "a").Ok(0).Renew(0, "a").Info(0).Wait(2_150).Get(1).Saw(1, "a")));
    }

    [Fact]
    public void Each_lock_is_checked_alone() =>
        Assert.Empty(Check(Acquire(0, "a").Ok(0).Acquire(1, "b", "other").Ok(1)));

    private static LockHistory Acquire(int process, string token) => new LockHistory().Acquire(process, token);

    private static string[] Check(LockHistory history) =>
        LockChecker.Check(history.Builder.Build(), new TtlOptions { Margin = TimeSpan.FromMilliseconds(100) }).Anomalies();

    private sealed class LockHistory
    {
        public HistoryBuilder Builder { get; } = new();

        public LockHistory Acquire(int process, string token, string key = HistoryBuilder.Key) => Cas(process, null, token, 1_000, key);

        public LockHistory Renew(int process, string token, long ttl = 1_000) => Cas(process, token, token, ttl);

        public LockHistory Release(int process, string token) => Cas(process, token, null, null);

        public LockHistory Get(int process) => With(Builder.Get(process));

        public LockHistory Ok(int process) => With(Builder.Ok(process));

        public LockHistory Info(int process) => With(Builder.Info(process));

        public LockHistory Saw(int process, string? token) => With(Builder.Saw(process, token));

        public LockHistory Refused(int process, string? holder) => With(Builder.Mismatch(process, holder));

        public LockHistory Wait(long milliseconds) => With(Builder.Wait(milliseconds));

        private LockHistory Cas(int process, string? expected, string? value, long? ttl, string key = HistoryBuilder.Key) =>
            With(Builder.Invoke(process, Functions.CompareAndSet, HistoryValue.Text(value), HistoryValue.Text(expected), key, ttlMilliseconds: ttl));

        private LockHistory With(HistoryBuilder builder)
        {
            Assert.Same(Builder, builder);
            return this;
        }
    }
}
