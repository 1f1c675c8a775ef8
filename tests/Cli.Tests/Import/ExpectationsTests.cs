using CsCheck;
using KvRaft.Cli.Import;

namespace KvRaft.Cli.Tests.Import;

public sealed class ExpectationsTests
{
    private static readonly byte[] Key = [0xff, 0x00, 0x41];

    [Fact]
    public void Of_several_acknowledged_writes_the_last_version_counts_in_any_order()
    {
        var expectations = Of(new AckLine(Key, "new", 9), new AckLine(Key, "old", 3));

        var expected = Assert.Single(expectations.Keys);
        Assert.True(expected.Allows("new"));
        Assert.False(expected.Allows("old"));
    }

    [Fact]
    public void A_write_of_unknown_outcome_may_exist_or_not()
    {
        var expected = Assert.Single(Of(new AckLine(Key, "sure", 9), new AckLine(Key, "maybe", 0)).Keys);

        Assert.True(expected.Allows("sure"));
        Assert.True(expected.Allows("maybe"));
        Assert.False(expected.Allows("never"));
    }

    [Fact]
    public void A_key_that_was_never_acknowledged_need_not_exist()
    {
        Assert.Empty(Of(new AckLine(Key, "maybe", 0)).Keys);
    }

    [Fact]
    public void An_ack_line_is_read_back_as_it_was_written()
    {
        Gen.Select(Gen.Byte.Array[1, 30], Gen.Byte.Array, Gen.Long[0, long.MaxValue]).Sample((key, value, version) =>
        {
            var line = new AckLine(key, AckLine.Hash(value), version);

            var read = AckLine.Parse(System.Text.Encoding.UTF8.GetBytes(line.ToJson()))!;

            Assert.Equal(key, read.Key.ToArray());
            Assert.Equal((line.Sha256, version), (read.Sha256, read.Version));
        });
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"key\":\"a\",\"sha2")]
    [InlineData("{\"key\":\"a\"}")]
    [InlineData("7")]
    public void A_damaged_ack_line_is_skipped(string line)
    {
        Assert.Null(AckLine.Parse(System.Text.Encoding.UTF8.GetBytes(line)));
    }

    private static Expectations Of(params AckLine[] lines)
    {
        var expectations = new Expectations();
        foreach (var line in lines)
        {
            expectations.Add(line);
        }

        return expectations;
    }
}
