namespace KvRaft.Chaos.Checkers;

/// <summary>When a run counts. The defaults are those of our fault matrix: below them most runs prove only that nothing ran.</summary>
public sealed record RunValidityOptions
{
    /// <summary>The least share of operations that got an answer.</summary>
    public double AnsweredShareMin { get; init; } = 0.30;

    /// <summary>The greatest share of operations that failed or stayed open.</summary>
    public double UnansweredShareMax { get; init; } = 0.60;

    /// <summary>Faults that stop the whole store, by name: during those an attempt is demanded, but no answer.</summary>
    public IReadOnlySet<string> TotalFaults { get; init; } = new HashSet<string>();
}
