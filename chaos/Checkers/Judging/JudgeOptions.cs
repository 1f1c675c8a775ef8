namespace KvRaft.Chaos.Checkers;

/// <summary>Information that the history does not contain, and the limits of the search.</summary>
public sealed record JudgeOptions
{
    /// <summary>The workload, for a history whose header names none or another one; null: as in the header.</summary>
    public string? Workload { get; init; }

    /// <summary>The conditions under which the run counts.</summary>
    public RunValidityOptions Validity { get; init; } = new();

    /// <summary>Faults, by name, that do not excuse a refused write.</summary>
    public IReadOnlySet<string> Harmless { get; init; } = new HashSet<string>();

    public LinearizabilityOptions Linearizability { get; init; } = new();
}
