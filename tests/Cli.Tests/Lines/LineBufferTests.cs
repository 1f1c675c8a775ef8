using KvRaft.Cli.Lines;

namespace KvRaft.Cli.Tests.Lines;

public sealed class LineBufferTests
{
    private readonly LineBuffer _line = new(["get a", "put a 1"]);

    [Fact]
    public void Inserts_at_the_cursor()
    {
        Type("ac");
        Press(ConsoleKey.LeftArrow);
        Type("b");
        Assert.Equal(("abc", 2), (_line.Text, _line.Cursor));

        Press(ConsoleKey.Backspace);
        Press(ConsoleKey.Delete);
        Press(ConsoleKey.Delete);
        Assert.Equal(("a", 1), (_line.Text, _line.Cursor));
    }

    [Fact]
    public void Earlier_lines_and_the_line_being_typed_are_restored()
    {
        Type("inc");
        Press(ConsoleKey.UpArrow);
        Assert.Equal("put a 1", _line.Text);
        Press(ConsoleKey.UpArrow);
        Press(ConsoleKey.UpArrow);
        Assert.Equal("get a", _line.Text);
        Press(ConsoleKey.DownArrow);
        Press(ConsoleKey.DownArrow);
        Press(ConsoleKey.DownArrow);
        Assert.Equal(("inc", 3), (_line.Text, _line.Cursor));
    }

    [Fact]
    public void Deletes_to_either_end()
    {
        Type("get abc");
        Press(ConsoleKey.Home);
        Press(ConsoleKey.RightArrow);
        Press(ConsoleKey.K, control: true);
        Assert.Equal("g", _line.Text);
        Type("o");
        Press(ConsoleKey.U, control: true);
        Assert.Equal("", _line.Text);
    }

    private void Type(string text)
    {
        foreach (var letter in text)
        {
            _line.Press(new ConsoleKeyInfo(letter, ConsoleKey.NoName, shift: false, alt: false, control: false));
        }
    }

    private void Press(ConsoleKey key, bool control = false) => _line.Press(new ConsoleKeyInfo('\0', key, shift: false, alt: false, control));
}
