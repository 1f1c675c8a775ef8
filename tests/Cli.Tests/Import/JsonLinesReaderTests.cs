using CsCheck;
using KvRaft.Cli.Import;
using KvRaft.Cli.Output;
using KvRaft.Client;

namespace KvRaft.Cli.Tests.Import;

public sealed class JsonLinesReaderTests
{
    [Fact]
    public void Reads_back_what_export_writes_for_any_bytes()
    {
        Gen.Select(Gen.Byte.Array[1, 40], Gen.Byte.Array[0, 80], Gen.Long[1, 1L << 40]).Sample((key, value, end) =>
        {
            var line = EntryText.Json(key, new KvEntry<ReadOnlyMemory<byte>>(value, 3, DateTimeOffset.FromUnixTimeMilliseconds(end)));

            var record = ReadAsync(line).GetAwaiter().GetResult().Single();

            Assert.Equal(key, record.Key.ToArray());
            Assert.Equal(value, record.Value.ToArray());
            Assert.Equal(end, record.ExpiresAtMs);
        });
    }

    [Theory]
    [InlineData("{\"key\":\"a\"}", "no value")]
    [InlineData("{\"value\":\"a\"}", "no key")]
    [InlineData("[1]", "not a JSON object")]
    [InlineData("{\"key\":\"a\",\"value\":\"b\",\"expire_at_ms\":1}", "unknown member 'expire_at_ms'")]
    [InlineData("{\"key\":\"a\",\"value\":\"b\",\"value\":\"c\"}", "")]
    [InlineData("{\"key\":\"a\",\"value\":\"b\",\"value_base64\":\"\"}", "both as text and as base64")]
    [InlineData("{\"key\":\"a\",\"value\":\"b\",\"expires_at_ms\":0}", "expires_at_ms is 0")]
    [InlineData("{\"key\":\"a\",\"value\":\"b\",\"expires_at_ms\":-5}", "expires_at_ms is -5")]
    [InlineData("{\"key\":\"a\",\"value\":\"b\",\"expires_at_ms\":253402300800000}", "expires_at_ms is 253402300800000")]
    [InlineData("{\"key\":\"a\",\"value\":\"b\",\"expires_at_ms\":9223372036854775807}", "allowed is from 1 to 253402300799999")]
    [InlineData("{\"key\":\"a\",\"value\":\"b\",\"expires_at_ms\":1e30}", "expires_at_ms is 1e30")]
    [InlineData("{\"key\":\"a\",\"value\":\"b\",\"expires_at_ms\":\"soon\"}", "")]
    [InlineData("{\"key\":", "")]
    [InlineData("{\"key_base64\":\"%%\",\"value\":\"\"}", "")]
    public async Task Reports_a_malformed_line_and_continues(string line, string fault)
    {
        var records = await ReadAsync(line + "\n\n{\"key\":\"a\",\"value\":\"b\"}\n");

        Assert.Equal(2, records.Count);
        Assert.NotNull(records[0].Fault);
        Assert.Contains(fault, records[0].Fault, StringComparison.Ordinal);
        Assert.Equal(3, records[1].Line);
        Assert.Null(records[1].Fault);
    }

    private static async Task<List<ImportRecord>> ReadAsync(string text)
    {
        var records = new List<ImportRecord>();
        using var stream = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(text));
        await foreach (var record in JsonLinesReader.ReadAsync(stream, CancellationToken.None))
        {
            records.Add(record);
        }

        return records;
    }
}
