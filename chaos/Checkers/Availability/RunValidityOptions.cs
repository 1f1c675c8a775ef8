namespace KvRaft.Chaos.Checkers;

/// <summary>
/// The conditions under which a run counts. The defaults are those of the fault matrix: below them most runs have too few operations to prove
/// anything.
/// </summary>
public sealed record RunValidityOptions
{
    /// <summary>The minimum share of answered operations.</summary>
    public double AnsweredShareMin { get; init; } = 0.30;

    /// <summary>The maximum share of operations that failed or stayed open.</summary>
    public double UnansweredShareMax { get; init; } = 0.60;

    /// <summary>Faults that stop the whole store, by name: during these an attempt is required, but no answer.</summary>
    public IReadOnlySet<string> TotalFaults { get; init; } = new HashSet<string>();
}
