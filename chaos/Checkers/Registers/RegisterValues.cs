namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Numbers for the states of one register. Values that no operation reads, expects or refuses cannot be told apart by
/// anything in the history, so they share one number.
/// </summary>
internal sealed class RegisterValues
{
    /// <summary>The key is absent.</summary>
    public const int Absent = 0;

    /// <summary>Some value nobody asks about.</summary>
    public const int Unnamed = 1;

    private readonly bool _nameAll;
    private readonly Dictionary<string, int> _numbers = new(StringComparer.Ordinal);
    private readonly List<string?> _texts = [null, null];

    /// <param name="nameAll">True with appends, where an unnamed value may become part of a named one, and for people.</param>
    public RegisterValues(bool nameAll) => _nameAll = nameAll;

    public int Count => _texts.Count;

    /// <summary>Gives the value a number of its own.</summary>
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

    public int Of(string? text) => text is null
        ? Absent
        : _numbers.TryGetValue(text, out var number) ? number : _nameAll ? Name(text) : Unnamed;

    /// <summary>The state after <paramref name="suffix"/> was appended to <paramref name="state"/>.</summary>
    public int Append(int state, string suffix) => Name(_texts[state] + suffix);

    public string Describe(int number) => number switch
    {
        Absent => "absent",
        Unnamed => "a value nobody read",
        _ => $"\"{_texts[number]}\"",
    };
}
