using System.Text;
using CsCheck;
using KvRaft.Cli.Import;

namespace KvRaft.Cli.Tests.Import;

public sealed class Deb822ReaderTests
{
    private const string Index = """
        Package: 0ad
        Version: 0.0.26-3
        Architecture: amd64
        Description: Real-time strategy game
         of ancient warfare
         .
         Version: this line only continues

        Package: 0ad-data
        version: 0.0.26-1
        ARCHITECTURE: all

        """;

    [Fact]
    public async Task One_stanza_is_one_value_byte_for_byte()
    {
        var records = await ReadAsync(Index);

        Assert.Equal(["0ad/0.0.26-3/amd64", "0ad-data/0.0.26-1/all"], records.Select(record => Text(record.Key)));
        Assert.Equal(Index[..(Index.IndexOf("\n\n", StringComparison.Ordinal) + 1)], Text(records[0].Value));
        Assert.Equal([1L, 9L], records.Select(record => record.Line));
        Assert.All(records, record => Assert.Null(record.Fault));
    }

    [Fact]
    public async Task Several_blank_lines_and_a_missing_last_newline_change_nothing()
    {
        var records = await ReadAsync("\n\nPackage: a\nVersion: 1\nArchitecture: all\n \n\t\n\nPackage: b\nVersion: 2\nArchitecture: all");

        Assert.Equal(["a/1/all", "b/2/all"], records.Select(record => Text(record.Key)));
        Assert.Equal("Package: b\nVersion: 2\nArchitecture: all", Text(records[1].Value));
    }

    [Fact]
    public async Task Lines_may_end_as_on_windows()
    {
        var records = await ReadAsync("Package: a\r\nVersion: 1\r\nArchitecture: all\r\n\r\nPackage: b\r\nVersion: 1\r\nArchitecture: all\r\n");

        Assert.Equal(["a/1/all", "b/1/all"], records.Select(record => Text(record.Key)));
    }

    [Fact]
    public async Task A_stanza_without_a_key_is_reported_with_its_line_and_the_others_are_read()
    {
        var records = await ReadAsync("Package: a\nArchitecture: all\n\nrubbish\n\nPackage: b\nVersion: 1\nArchitecture: all\n");

        Assert.Equal("the stanza has no Version", records[0].Fault);
        Assert.Contains("line 4", records[1].Fault, StringComparison.Ordinal);
        Assert.Equal("b/1/all", Text(records[2].Key));
    }

    [Fact]
    public async Task Comments_alone_are_not_a_stanza()
    {
        Assert.Empty(await ReadAsync("# nothing\n\n# here\n"));
    }

    [Fact]
    public async Task Values_are_the_bytes_of_the_file_in_any_encoding()
    {
        byte[] stanza = [.. "Package: a\nVersion: 1\nArchitecture: all\nX: "u8, 0xff, 0xfe, .. "\n"u8];

        var records = await ReadAsync(stanza);

        Assert.Equal(stanza, records.Single().Value.ToArray());
    }

    [Fact]
    public void Written_stanzas_are_read_back()
    {
        var field = Gen.Select(Gen.Char.AlphaNumeric.Array[1, 8], Gen.Char.AlphaNumeric.Array[0, 200])
            .Select((name, value) => $"X{new string(name)}: {new string(value)}\n");
        field.List[0, 12].List[1, 30].Sample(
            stanzas =>
            {
                var texts = stanzas.Select((fields, i) => $"Package: p{i}\n{string.Concat(fields)}Version: 1\nArchitecture: all\n").ToList();

                var records = ReadAsync(string.Join("\n", texts)).GetAwaiter().GetResult();

                Assert.Equal(texts, records.Select(record => Text(record.Value)));
            },
            iter: 50);
    }

    private static Task<List<ImportRecord>> ReadAsync(string text) => ReadAsync(Encoding.UTF8.GetBytes(text));

    private static async Task<List<ImportRecord>> ReadAsync(byte[] bytes)
    {
        var records = new List<ImportRecord>();
        await foreach (var record in Deb822Reader.ReadAsync(new MemoryStream(bytes), CancellationToken.None))
        {
            records.Add(record);
        }

        return records;
    }

    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);
}
