namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Numbers for the states of one register. Values that no operation reads, expects or refuses cannot be distinguished by the history, so they share
/// one number. With text appends the same holds for every text that is not a prefix of such a value, because no append can change it to one. So the
/// number of states is at most the number of prefixes of the named values, regardless of the number of orders of appends.
/// </summary>
internal sealed class RegisterValues
{
    /// <summary>The key is absent.</summary>
    public const int Absent = 0;

    /// <summary>Some value that no operation reads or expects.</summary>
    public const int Unnamed = 1;

    private readonly bool _appends;
    private readonly bool _nameAll;
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly List<string?> _texts = [null, null];
    private readonly Dictionary<(int State, string Suffix), int> _appended = [];

    // Set when all are known: the named values in order, so that those with a common prefix are adjacent.
    private string[]? _named;

    /// <param name="appends">True: prefixes of named values are states too.</param>
    /// <param name="nameAll">True: every written value gets a number, for people.</param>
    public RegisterValues(bool appends, bool nameAll) => (_appends, _nameAll) = (appends, nameAll);

    public int Count => _texts.Count;

    /// <summary>Assigns a number of its own to the value. All values are named before the first query.</summary>
    public int Name(string? text)
    {
        if (text is null)
        {
            return Absent;
        }

        if (!_numbers.TryGetValue(text, out var number))
        {
            number = _texts.Count;
            _numbers.Add(text, number);
            _texts.Add(text);
        }

        return number;
    }

    public int Of(string? text) =>
        text is null ? Absent
        : _numbers.TryGetValue(text, out var number) ? number
        : _nameAll || IsBeginning(text) ? Name(text)
        : Unnamed;

    /// <summary>The text of a state; empty for an absent key.</summary>
    public string TextOf(int number) => _texts[number] ?? "";

    /// <summary>The state after <paramref name="suffix"/> was appended to <paramref name="state"/>.</summary>
    public int Append(int state, string suffix)
    {
        if (state == Unnamed)
        {
            return Unnamed;
        }

        if (!_appended.TryGetValue((state, suffix), out var after))
        {
            var text = TextOf(state) + suffix;
            after = _numbers.TryGetValue(text, out var number) ? number : IsBeginning(text) ? Name(text) : Unnamed;
            _appended.Add((state, suffix), after);
        }

        return after;
    }

    public string Describe(int number) => number switch
    {
        Absent => "absent",
        Unnamed => "a value that no operation read",
        _ => $"\"{_texts[number]}\"",
    };

    private bool IsBeginning(string text)
    {
        if (!_appends)
        {
            return false;
        }

        if (_named is null)
        {
            _named = [.. _numbers.Keys];
            Array.Sort(_named, StringComparer.Ordinal);
        }

        var found = Array.BinarySearch(_named, text, StringComparer.Ordinal);
        return found >= 0 || (~found < _named.Length && _named[~found].StartsWith(text, StringComparison.Ordinal));
    }
}
