using KvRaft.Client.Values;
using KvRaft.V1;

namespace KvRaft.Client.Tests.Values;

/// <summary>
/// One value with an invalid expiry made every read, scan and export of its keyspace throw: the answers of nodes come from another program.
/// </summary>
public sealed class WireValuesTests
{
    [Theory]
    [InlineData(1, "1970-01-01T00:00:00.0010000+00:00")]
    [InlineData(253_402_300_799_999, "9999-12-31T23:59:59.9990000+00:00")]
    [InlineData(253_402_300_800_000, "9999-12-31T23:59:59.9990000+00:00")]
    [InlineData(long.MaxValue, "9999-12-31T23:59:59.9990000+00:00")]
    [InlineData(long.MinValue, "0001-01-01T00:00:00.0000000+00:00")]
    public void An_instant_outside_the_range_of_DateTimeOffset_becomes_the_nearest_one_inside(long expireAtMs, string expected)
    {
        var entry = WireValues.Entry(new ValueState { ExpireAtMs = expireAtMs, Version = 1 }, KvSerializers.Utf8);

        Assert.Equal(expected, entry.ExpiresAt!.Value.ToString("O", System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public void A_value_without_an_end_has_none() => Assert.Null(WireValues.Instant(0));

    [Fact]
    public void A_duration_above_the_range_of_TimeSpan_becomes_the_longest_one()
    {
        Assert.Equal(TimeSpan.MaxValue, WireValues.Span(long.MaxValue));
        Assert.Equal(TimeSpan.MinValue, WireValues.Span(long.MinValue));
        Assert.Equal(Timeout.InfiniteTimeSpan, WireValues.Span(-1));
        Assert.Equal(TimeSpan.FromSeconds(1.5), WireValues.Span(1_500));
    }
}
