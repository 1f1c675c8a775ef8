namespace KvRaft.Chaos.Checkers;

/// <summary>What a history alone does not say, and how hard to look.</summary>
public sealed record JudgeOptions
{
    /// <summary>The workload, for a history whose header names none, or another; null: as the header says.</summary>
    public string? Workload { get; init; }

    /// <summary>When the run counts.</summary>
    public RunValidityOptions Validity { get; init; } = new();

    /// <summary>Faults, by name, that excuse no refused write.</summary>
    public IReadOnlySet<string> Harmless { get; init; } = new HashSet<string>();

    public LinearizabilityOptions Linearizability { get; init; } = new();
}
