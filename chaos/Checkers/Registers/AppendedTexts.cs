namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Who must have appended what. A history is framed when every text written begins with one character that occurs nowhere else in any of them, as in
/// <c>x 3 17 y</c>: then a state is cut into the texts it was made of in one way only, and a text that one operation alone writes is proof that this operation
/// took effect right there. Tests of stores with appends write such texts.
/// </summary>
internal sealed class AppendedTexts
{
    private readonly char? _frame;
    private readonly Dictionary<string, long> _neededAfter = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _writers = new(StringComparer.Ordinal);

    /// <param name="texts">All texts written, once for each operation that writes them, with the initial state.</param>
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

    /// <summary>True: where the text stands in a state, its one writer put it.</summary>
    public bool IsProof(string text) => IsFramed && _writers.GetValueOrDefault(text) == 1;

    /// <summary>An operation invoked then, and certainly completed, saw this text.</summary>
    public void NoteNeed(string text, long invoked)
    {
        if (IsProof(text))
        {
            _neededAfter[text] = Math.Max(_neededAfter.GetValueOrDefault(text), invoked);
        }
    }

    /// <summary>The last invocation of an operation that certainly saw what the one writer of this text wrote; 0: none is known.</summary>
    public long NeededAfter(string text) => _neededAfter.GetValueOrDefault(text);

    /// <summary>True when <paramref name="state"/> is <paramref name="beginning"/> and, after it, whole texts.</summary>
    public bool BeginsWith(string state, string beginning) =>
        state.StartsWith(beginning, StringComparison.Ordinal) && (state.Length == beginning.Length || state[beginning.Length] == _frame);

    /// <summary>The texts a state is made of, if the history is framed.</summary>
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
