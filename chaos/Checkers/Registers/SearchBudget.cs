namespace KvRaft.Chaos.Checkers;

/// <summary>What one search may cost.</summary>
/// <param name="StepsMax">Operations tried on configurations.</param>
/// <param name="ConfigurationsMax">Configurations remembered at one moment; one takes about a hundred bytes.</param>
/// <param name="IsOver">Asked now and then; true ends the search. The time is the caller's: a checker reads no clock.</param>
internal sealed record SearchBudget(long StepsMax, int ConfigurationsMax, Func<bool>? IsOver = null)
{
    /// <summary>Expansions between two questions: about a millisecond.</summary>
    private const long Interval = 1024;

    /// <summary>Null, or what ran out.</summary>
    public string? WhatIsSpent(long steps, long expansions, int configurations) =>
        steps > StepsMax ? $"the budget of {StepsMax} steps is spent"
        : configurations > ConfigurationsMax ? $"more than {ConfigurationsMax} configurations at once"
        : expansions % Interval == 0 && IsOver?.Invoke() == true ? "the time is over"
        : null;
}
