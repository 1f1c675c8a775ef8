namespace KvRaft.Chaos.Checkers;

/// <summary>The limits of one search.</summary>
/// <param name="StepsMax">Operations tried on configurations.</param>
/// <param name="ConfigurationsMax">Configurations stored at a time; one takes about a hundred bytes.</param>
/// <param name="IsOver">Called from time to time; true ends the search. The caller measures the time: a checker reads no clock.</param>
internal sealed record SearchBudget(long StepsMax, int ConfigurationsMax, Func<bool>? IsOver = null)
{
    /// <summary>Expansions between two calls: about a millisecond.</summary>
    private const long Interval = 1024;

    /// <summary>Null, or the exhausted limit.</summary>
    public string? WhatIsSpent(long steps, long expansions, int configurations) =>
        steps > StepsMax ? $"the budget of {StepsMax} steps is spent"
        : configurations > ConfigurationsMax ? $"more than {ConfigurationsMax} configurations at once"
        : expansions % Interval == 0 && IsOver?.Invoke() == true ? "the time is over"
        : null;
}
