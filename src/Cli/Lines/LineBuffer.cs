using System.Text;

namespace KvRaft.Cli.Lines;

/// <summary>The edited line, its cursor, and the earlier lines; applies each key to them. Pure.</summary>
internal sealed class LineBuffer(IReadOnlyList<string> history)
{
    private readonly StringBuilder _text = new();
    private string _draft = "";
    private int _place = history.Count;

    public string Text => _text.ToString();

    /// <summary>The number of characters before the cursor.</summary>
    public int Cursor { get; private set; }

    public void Press(ConsoleKeyInfo key)
    {
        var control = key.Modifiers.HasFlag(ConsoleModifiers.Control);
        switch (key.Key)
        {
            case ConsoleKey.Backspace:
                Remove(Cursor - 1);
                break;
            case ConsoleKey.Delete:
                Remove(Cursor);
                break;
            case ConsoleKey.LeftArrow:
                Cursor = Math.Max(0, Cursor - 1);
                break;
            case ConsoleKey.RightArrow:
                Cursor = Math.Min(_text.Length, Cursor + 1);
                break;
            case ConsoleKey.Home:
            case ConsoleKey.A when control:
                Cursor = 0;
                break;
            case ConsoleKey.End:
            case ConsoleKey.E when control:
                Cursor = _text.Length;
                break;
            case ConsoleKey.U when control:
                _text.Remove(0, Cursor);
                Cursor = 0;
                break;
            case ConsoleKey.K when control:
                _text.Length = Cursor;
                break;
            case ConsoleKey.UpArrow:
                Show(_place - 1);
                break;
            case ConsoleKey.DownArrow:
                Show(_place + 1);
                break;
            default:
                if (!char.IsControl(key.KeyChar))
                {
                    _text.Insert(Cursor++, key.KeyChar);
                }

                break;
        }
    }

    private void Remove(int index)
    {
        if (index >= 0 && index < _text.Length)
        {
            _text.Remove(index, 1);
            Cursor = index;
        }
    }

    /// <summary>Replaces the current line with an earlier one; the position after the last earlier line is the line being edited.</summary>
    private void Show(int place)
    {
        if (place < 0 || place > history.Count)
        {
            return;
        }

        if (_place == history.Count)
        {
            _draft = Text;
        }

        _place = place;
        _text.Clear().Append(place == history.Count ? _draft : history[place]);
        Cursor = _text.Length;
    }
}
