namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Attributes appended texts to their writers. A history is framed if every written text starts with one character that occurs nowhere else in any of
/// them, as in <c>x 3 17 y</c>: then there is only one way to split a state into the texts it consists of, and a text that only one operation writes
/// proves that this operation took effect at that point. Tests of stores with appends write such texts.
/// </summary>
internal sealed class AppendedTexts
{
    private readonly char? _frame;
    private readonly Dictionary<string, long> _neededAfter = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _writers = new(StringComparer.Ordinal);

    /// <param name="texts">All written texts, once for each operation that writes them, including the initial state.</param>
    public AppendedTexts(IEnumerable<string> texts)
    {
        var framed = true;
        foreach (var text in texts.Where(static text => text.Length > 0))
        {
            _frame ??= text[0];
            framed &= text[0] == _frame && text.LastIndexOf(text[0]) == 0;
            _writers[text] = _writers.GetValueOrDefault(text) + 1;
        }

        _frame = framed ? _frame : null;
    }

    public bool IsFramed => _frame is not null;

    /// <summary>True if only one operation writes the text, so that its occurrence in a state proves the effect of this operation.</summary>
    public bool IsProof(string text) => IsFramed && _writers.GetValueOrDefault(text) == 1;

    /// <summary>Records that an operation with this invocation certainly completed and saw this text.</summary>
    public void NoteNeed(string text, long invoked)
    {
        if (IsProof(text))
        {
            _neededAfter[text] = Math.Max(_neededAfter.GetValueOrDefault(text), invoked);
        }
    }

    /// <summary>The last invocation of an operation that certainly saw this text; 0: none is known.</summary>
    public long NeededAfter(string text) => _neededAfter.GetValueOrDefault(text);

    /// <summary>True if <paramref name="state"/> consists of <paramref name="beginning"/> followed by whole texts.</summary>
    public bool BeginsWith(string state, string beginning) =>
        state.StartsWith(beginning, StringComparison.Ordinal) && (state.Length == beginning.Length || state[beginning.Length] == _frame);

    /// <summary>The texts of which a state consists, if the history is framed.</summary>
    public IEnumerable<string> PartsOf(string state)
    {
        for (var begin = 0; _frame is { } frame && begin < state.Length;)
        {
            var next = state.IndexOf(frame, begin + 1);
            next = next < 0 ? state.Length : next;
            yield return state[begin..next];
            begin = next;
        }
    }
}
