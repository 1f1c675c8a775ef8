using CsCheck;
using KvRaft.Cli.Lines;

namespace KvRaft.Cli.Tests.Lines;

public sealed class LineWordsTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("  get   a\t", "get|a")]
    [InlineData("put a 'hello world'", "put|a|hello world")]
    [InlineData("put a \"it's \\\"so\\\"\"", "put|a|it's \"so\"")]
    [InlineData("put a b\\ c", "put|a|b c")]
    [InlineData("put a ''", "put|a|")]
    [InlineData("get a # why", "get|a")]
    [InlineData("get a#b", "get|a#b")]
    [InlineData("put a 'x'\"y\"z", "put|a|xyz")]
    public void Splits_as_a_shell_does(string line, string words) => Assert.Equal(words, string.Join('|', LineWords.Split(line)));

    [Theory]
    [InlineData("put a 'b")]
    [InlineData("put a \"b\\\"")]
    [InlineData("put a \\")]
    public void Refuses_an_unfinished_line(string line) => Assert.Throws<UsageException>(() => LineWords.Split(line));

    [Fact]
    public void Reads_back_every_word_that_was_quoted() =>
        Gen.String[Gen.Char[" \t'\"\\#a-Zé\n*$"], 0, 12].Array[0, 6].Sample(words =>
            Assert.Equal(words, LineWords.Split(string.Join(' ', words.Select(LineWords.Quote)))));
}
